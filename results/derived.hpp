#pragma once

#include "results/report.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace moeperf {

// Figures that follow from a report's raw data; pure functions.

/// Median of a case's part, in seconds; none where the case has no such part or no samples of it.
std::optional<double> median_of(const CaseResult& result, const std::string& part);

/// The time of a part's baselines together: its work ratio times the sum of their medians.
std::optional<double> baseline_s(const CaseResult& result, const Measurement& measurement);

/// What a part achieves at a given time, in the unit that its work calls for.
struct Rate {
  double value = 0;
  std::string unit;  ///< "tok/s", "GFLOP/s", "GB/s" (useful bytes), "GB/s mem"; empty: no work is declared
};
Rate rate_of(const CaseResult& result, const Measurement& measurement, double time_s);

/// What limits a part by its declared work: "layer" (the whole), "exchange within nodes", "exchange between nodes" (where
/// most of its bytes on the wire go), "compute", "memory"; "other" where no work is declared.
std::string resource_of(const CaseResult& result, const Measurement& measurement);

/// Tokens per second of the whole layer: the part "layer" of the benchmark "layer".
std::optional<double> layer_tokens_per_s(const CaseResult& result);

/// First step from which on MaxVio stays below `limit`; none where it never does.
std::optional<std::int64_t> settled_step(const BalancingTrajectory& trajectory, double limit);

}  // namespace moeperf
