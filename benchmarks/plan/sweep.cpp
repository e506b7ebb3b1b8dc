#include "benchmarks/plan/sweep.hpp"

#include "benchmarks/configuration/sweep_size.hpp"
#include "benchmarks/inputs/recording.hpp"
#include "kernels/base/counted.hpp"
#include "kernels/traffic/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moeperf {
namespace {

std::int64_t tokens_of(double size, bool bytes, const ModelShape& model) {
  if (!bytes) return std::llround(size);
  const auto token_bytes =
      static_cast<double>(model.gate.top_k * model.hidden) * static_cast<double>(size_bytes(model.dtype));
  return static_cast<std::int64_t>(std::ceil(std::round(size) / token_bytes));
}

/// Names of patterns, each once; `all`: those that need no file.
std::vector<std::string> patterns_of(const SuiteConfig& config) {
  std::vector<std::string> names;
  const auto append = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const std::string& wanted : config.run.sweep.traffic) {
    if (wanted != "all") {
      append(traffic_registry().at(wanted).name);
      continue;
    }
    for (const auto& entry : traffic_registry().entries()) {
      if (!traffic_registry().why_not(entry, TrafficContext{})) append(entry.name);
    }
  }
  if (names.empty()) append(traffic_registry().at(config.workload.traffic.pattern).name);
  return names;
}

/// A list of tokens may leave these ranks none, though not all of it is zero.
void require_tokens(const std::string& workload, const Phase& phase, int num_ranks) {
  for (int rank = 0; rank < num_ranks; ++rank) {
    if (phase.tokens_of(rank) > 0) return;
  }
  throw UserError(
      fmt::format("workload '{}', phase.{}.tokens_per_rank: no token falls to {}; accepted: a list whose "
                  "part for these ranks is not all zeros",
                  workload, name(phase.kind), counted(num_ranks, "rank")));
}

SuiteConfig point_of(const SuiteConfig& config, const std::string& pattern, std::optional<std::int64_t> tokens,
                     int num_ranks) {
  SuiteConfig point = config;
  point.workload.traffic.pattern = pattern;
  if (!config.run.sweep.traffic.empty()) point.point = pattern;
  if (tokens) point.point += fmt::format("{}{}", point.point.empty() ? "" : "_", *tokens);
  const auto check = [&] {
    const auto violation = first_violation(point.workload);
    if (!violation) return;
    const std::string size = tokens ? fmt::format(" and the size {} of run.begin to run.end", *tokens) : "";
    throw UserError(fmt::format("workload '{}' with traffic '{}'{}: {}: {}", config.workload.name, pattern, size,
                                violation->key, violation->message));
  };
  for (Phase& phase : point.workload.phases) {
    if (tokens) phase.tokens_per_rank = {*tokens};
  }
  check();  // before tokens are added up over the ranks
  for (const Phase& phase : point.workload.phases) require_tokens(config.workload.name, phase, num_ranks);
  const auto& tokens_per_rank = traffic_registry().at(pattern).traits.tokens_per_rank;
  if (!tokens_per_rank) return point;
  for (Phase& phase : point.workload.phases) phase.tokens_per_rank = tokens_per_rank(phase, num_ranks);
  check();
  return point;
}

}  // namespace

std::vector<std::int64_t> sweep_tokens(const SweepSettings& sweep, const ModelShape& model) {
  if (sweep.begin.empty()) return {};
  const SweepSize begin = *parse_sweep_size(sweep.begin);
  const SweepSize end = sweep.end.empty() ? begin : *parse_sweep_size(sweep.end);
  // Powers, not products of rounded sizes; a hair above the end is rounding too.
  constexpr double hair = 1e-9;
  std::vector<std::int64_t> tokens;
  double size = static_cast<double>(begin.amount);
  for (int power = 0; size <= static_cast<double>(end.amount) * (1 + hair);
       size = static_cast<double>(begin.amount) * std::pow(sweep.factor, ++power)) {
    const std::int64_t next = tokens_of(size, begin.bytes, model);
    if (!tokens.empty() && tokens.back() == next) continue;
    if (tokens.size() == max_sweep_points) {
      throw UserError(
          fmt::format("run.begin {}, run.end {}, run.factor {}: more than {} sizes; accepted: at most that "
                      "many",
                      sweep.begin, sweep.end, sweep.factor, max_sweep_points));
    }
    tokens.push_back(next);
  }
  return tokens;
}

std::vector<SuiteConfig> expand_sweeps(const std::vector<SuiteConfig>& configs, const Communicator& comm) {
  std::vector<SuiteConfig> points;
  for (const SuiteConfig& config : configs) {
    const std::vector<std::int64_t> sizes = sweep_tokens(config.run.sweep, config.workload.model);
    for (const std::string& pattern : patterns_of(config)) {
      if (sizes.empty()) points.push_back(point_of(config, pattern, std::nullopt, comm.size()));
      for (const std::int64_t tokens : sizes) points.push_back(point_of(config, pattern, tokens, comm.size()));
      const auto& source = traffic_registry().at(pattern).traits.recording;
      if (!source) continue;
      const auto recording = read_recording(comm, source(config.workload.traffic), config.workload.model.gate);
      const std::size_t count = std::max<std::size_t>(1, sizes.size());
      for (std::size_t i = points.size() - count; i < points.size(); ++i) {
        points[i].workload.traffic.recording = recording;
      }
    }
  }
  return points;
}

}  // namespace moeperf
