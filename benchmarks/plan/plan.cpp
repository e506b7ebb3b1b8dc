#include "benchmarks/plan/plan.hpp"

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/inputs/recording.hpp"
#include "benchmarks/plan/choices.hpp"
#include "kernels/base/error.hpp"
#include "kernels/traffic/pattern.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace moeperf {
namespace {

/// Why a case cannot run on replayed traffic, which has no use for a gate; nothing where it can.
std::string why_not_replayed(const BenchmarkKind& kind, const std::string& scheme) {
  if (kind.runs_gate) {
    std::vector<std::string> names;
    for (const BenchmarkKind& other : benchmark_kinds()) {
      if (other.varies_over(scheme_axis) && !other.runs_gate) names.push_back(other.name);
    }
    return fmt::format("a trace prescribes the routing and this benchmark runs the gate; accepted: {}",
                       fmt::join(names, ", "));
  }
  if (kind.varies_over(scheme_axis) && scheme != "none") {
    return "a trace prescribes the routing, which balancing would change; accepted: scheme none";
  }
  return "";
}

/// Names of benchmarks stand in the expression as they are, or between bars.
bool is_named(const BenchmarkKind& kind, const std::string& expression) {
  std::istringstream alternatives(expression);
  for (std::string name; std::getline(alternatives, name, '|');) {
    if (name == kind.name) return true;
  }
  return false;
}

/// Why a case cannot run, as far as that is known beforehand, and whether what stands in its way was asked for by its
/// name: not by `all`, which means whatever can run. Where nothing does: whether any part of it was.
void set_prospects(PlannedCase& planned, const SuiteConfig& config, const Choice& choice) {
  const std::string& scheme = scheme_of(choice.spec);
  const bool is_benchmark_named = is_named(*planned.kind, config.run.benchmarks);
  const bool is_replay = traffic_registry().at(config.workload.traffic.pattern).traits.prescribes;
  if (!choice.skip_reason.empty()) {
    planned.skip_reason = choice.skip_reason;
    planned.should_run = choice.names_skipped;
  } else if (is_replay && !why_not_replayed(*planned.kind, scheme).empty()) {
    planned.skip_reason = why_not_replayed(*planned.kind, scheme);
    planned.should_run = planned.kind->runs_gate ? is_benchmark_named : config.run.names(scheme_axis, scheme);
  } else {
    planned.should_run = choice.names_something || is_benchmark_named;
  }
}

/// Its number, workload and phase, the point of a sweep, and what is not as usual on the axes of cases.
std::string id_of(const PlannedCase& planned, std::size_t number, const SuiteConfig& config,
                  const Coordinates& coordinates) {
  std::string id = fmt::format("{:04}_{}_{}_{}", number, planned.kind->name, config.workload.name,
                               name(config.workload.phases[planned.phase].kind));
  if (!config.point.empty()) id += "_" + config.point;
  for (const Axis& axis : all_axes()) {
    if (!axis.varies_cases() || axis.id.empty() || is_usual(axis.report, coordinates)) continue;
    id += "_" + filled(axis.id, value_of(axis.report, coordinates));
  }
  std::replace(id.begin(), id.end(), '/', '-');
  return id;
}

Coordinates coordinates_of(const PlannedCase& planned, const SuiteConfig& config) {
  Coordinates coordinates;
  for (const Axis& axis : all_axes()) {
    const CaseSpec& chosen = axis.varies_configurations() ? config.chosen : planned.spec;
    coordinates[axis.name()] = axis.given
                                   ? axis.given({planned.kind->name, config, config.workload.phases[planned.phase]})
                                   : chosen.value(axis.name());
  }
  return coordinates;
}

/// The cases of one phase of a configuration: benchmark by benchmark, but all of them with one kernel before the next.
std::vector<PlannedCase> cases_of(const SuiteConfig& config, std::size_t phase, Choices& choices) {
  std::vector<PlannedCase> cases;
  for (const BenchmarkKind* kind : chosen_kinds(config.run.benchmarks)) {
    for (const Choice& choice : choices.of(*kind)) {
      PlannedCase planned;
      planned.phase = phase;
      planned.kind = kind;
      planned.spec = choice.spec;
      set_prospects(planned, config, choice);
      cases.push_back(std::move(planned));
    }
  }
  std::vector<std::string> kernels;
  for (const AxisValue& kernel : choices.values(axis_named(kernel_axis), {})) kernels.push_back(kernel.text);
  const auto place = [&](const PlannedCase& planned) {
    return std::find(kernels.begin(), kernels.end(), kernel_of(planned.spec)) - kernels.begin();
  };
  std::stable_sort(cases.begin(), cases.end(),
                   [&](const PlannedCase& a, const PlannedCase& b) { return place(a) < place(b); });
  return cases;
}

}  // namespace

std::vector<PlannedCase> make_plan(const std::vector<SuiteConfig>& configs, Communicator& comm, Backends& backends) {
  std::vector<PlannedCase> plan;
  for (std::size_t c = 0; c < configs.size(); ++c) {
    const SuiteConfig& config = configs[c];
    Choices choices(config, comm, backends);
    for (std::size_t phase = 0; phase < config.workload.phases.size(); ++phase) {
      for (PlannedCase& planned : cases_of(config, phase, choices)) {
        planned.config = c;
        planned.id = id_of(planned, plan.size() + 1, config, coordinates_of(planned, config));
        plan.push_back(std::move(planned));
      }
    }
  }
  if (plan.empty()) {
    std::vector<std::string> names;
    for (const BenchmarkKind& kind : benchmark_kinds()) names.push_back(kind.name);
    throw UserError(
        fmt::format("no benchmark matches '{}'; known: {}", configs.front().run.benchmarks, fmt::join(names, ", ")));
  }
  return plan;
}

CaseResult empty_result(const PlannedCase& planned, const SuiteConfig& config, int num_ranks) {
  const Phase& phase = config.workload.phases[planned.phase];
  CaseResult result;
  result.id = planned.id;
  result.coordinates = coordinates_of(planned, config);
  for (int rank = 0; rank < num_ranks; ++rank) result.tokens_global += phase.tokens_of(rank);
  result.skip_reason = planned.skip_reason;
  result.should_run = planned.should_run;
  return result;
}

}  // namespace moeperf
