#pragma once

#include "benchmarks/configuration/config.hpp"
#include "benchmarks/plan/plan.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moeperf {

/// How long a plan may take, roughly, from what is known before anything is measured.
struct TimeEstimate {
  std::int64_t sampled_cases = 0;
  double sampling_s = 0;             ///< if every case takes all of its max_time_s: an upper bound, unless ten samples
                                     ///< take longer
  bool samples_fixed = false;        ///< -n: how long these samples take is not known
  std::int64_t balancing_steps = 0;  ///< of the balance cases, and of the states that the others run in
  double balancing_s = 0;            ///< the gate of these steps at `gate_flop_per_s` per thread

  static constexpr double gate_flop_per_s = 10e9;

  /// One line for people.
  std::string text() const;
};

/// Local. Cases that will be skipped take no time.
TimeEstimate estimate_time(const std::vector<PlannedCase>& plan, const std::vector<SuiteConfig>& configs);

}  // namespace moeperf
