#include "benchmarks/plan/time_estimate.hpp"

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "harness/machine.hpp"
#include "harness/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace moeperf {
namespace {

/// The gate of one step on the fullest rank.
double step_s(const SuiteConfig& config, const Phase& phase) {
  const ModelShape& model = config.workload.model;
  const double tokens = static_cast<double>(std::ranges::max(phase.tokens_per_rank));
  const double flop = 2.0 * tokens * static_cast<double>(model.hidden) * model.gate.num_experts;
  return flop / (TimeEstimate::gate_flop_per_s * num_threads());
}

}  // namespace

TimeEstimate estimate_time(const std::vector<PlannedCase>& plan, const std::vector<SuiteConfig>& configs) {
  TimeEstimate estimate;
  std::set<std::tuple<std::size_t, std::size_t, std::string, std::string>> states;
  for (const PlannedCase& planned : plan) {
    if (!planned.skip_reason.empty()) continue;
    const SuiteConfig& config = configs[planned.config];
    const bool balances = planned.kind->name == "balance";  // its samples are the steps
    if (!balances) {
      ++estimate.sampled_cases;
      estimate.samples_fixed |= config.run.sampling.samples > 0;
      estimate.sampling_s += config.run.sampling.max_time_s;
    }
    const bool reaches_state =
        planned.kind->varies_over(scheme_axis) && !balances &&
        states.emplace(planned.config, planned.phase, kernel_of(planned.spec), scheme_of(planned.spec)).second;
    if (!balances && !reaches_state) continue;
    estimate.balancing_steps += config.workload.balancing.steps;
    estimate.balancing_s +=
        static_cast<double>(config.workload.balancing.steps) * step_s(config, config.workload.phases[planned.phase]);
  }
  return estimate;
}

std::string TimeEstimate::text() const {
  const std::string steps = fmt::format("{} balancing steps {} (the gate taken at {:.0f} GFLOP/s per thread)",
                                        balancing_steps, about(balancing_s), gate_flop_per_s / 1e9);
  if (samples_fixed) {
    return fmt::format("time: {} cases sampled for as long as the samples asked for take, {}", sampled_cases, steps);
  }
  return fmt::format("time: {} or less: {} cases sampled {} or less, {}", about(sampling_s + balancing_s),
                     sampled_cases, about(sampling_s), steps);
}

}  // namespace moeperf
