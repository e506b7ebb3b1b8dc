#include "benchmarks/cli/run_configs.hpp"

#include "benchmarks/cli/run_overrides.hpp"
#include "benchmarks/configuration/workload_files.hpp"
#include "kernels/base/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

/// Keeps the phases asked for (adding one with the defaults where the workload lacks it) and their tokens.
void restrict_phases(Workload& workload, const RunOptions& options) {
  if (!options.phases.empty()) {
    std::vector<Phase> kept;
    for (const std::string& wanted : options.phases) {
      const PhaseKind kind = *parse<PhaseKind>(wanted);
      const auto is_kept = [&](const Phase& phase) { return phase.kind == kind; };
      if (std::any_of(kept.begin(), kept.end(), is_kept)) continue;
      Phase phase;
      phase.kind = kind;
      if (kind == PhaseKind::decode) phase.tokens_per_rank = {128};
      for (const Phase& given : workload.phases) {
        if (given.kind == kind) phase = given;
      }
      kept.push_back(phase);
    }
    workload.phases = kept;
  }
  if (!options.tokens.empty()) {
    for (Phase& phase : workload.phases) phase.tokens_per_rank = options.tokens;
  }
  if (const auto violation = first_violation(workload)) {
    throw UserError(fmt::format("--tokens/--phase: {}: {}", violation->key, violation->message));
  }
}

/// The name, or where a workload before has it, as files of two folders may, "NAME-2" and so on.
std::string free_name(const std::string& name, const std::vector<SuiteConfig>& before) {
  const auto is_taken = [&](const std::string& wanted) {
    return std::any_of(before.begin(), before.end(), [&](const SuiteConfig& c) { return c.workload.name == wanted; });
  };
  std::string free = name;
  for (int number = 2; is_taken(free); ++number) free = fmt::format("{}-{}", name, number);
  return free;
}

}  // namespace

std::vector<SuiteConfig> load_configs(const RunOptions& options, const Communicator& comm) {
  const std::vector<Override> overrides = overrides_of(options);
  auto load = [&](const std::string& name) {
    const auto path = workload_path(name);
    SuiteConfig config = parse_config(read_for_all(comm, path), path.string(), overrides);
    if (!options.tokens.empty() && !config.run.sweep.begin.empty()) {
      throw UserError("--tokens with --begin: both say how many tokens a rank gets; accepted: one of them");
    }
    restrict_phases(config.workload, options);
    return config;
  };
  const SuiteConfig suite = load(options.suite);
  if (options.workloads.empty()) return {suite};
  std::vector<SuiteConfig> configs;
  for (const std::string& name : options.workloads) {
    SuiteConfig config = load(name);
    config.run = suite.run;
    config.workload.name = free_name(config.workload.name, configs);
    configs.push_back(std::move(config));
  }
  return configs;
}

}  // namespace moeperf
