#pragma once

#include <cstdint>
#include <span>

namespace moeperf {

/// (max_i c_i − c̄) / c̄ of the experts' loads; 0 when there is no load.
double max_violation(std::span<const std::int64_t> tokens_per_expert);

/// Gini coefficient of the loads, 0 (even) to 1 − 1/E (one takes all); 0 when there is no load.
double gini(std::span<const std::int64_t> tokens_per_expert);

/// Standard deviation over mean of the loads (population); 0 when there is no load.
double coefficient_of_variation(std::span<const std::int64_t> tokens_per_expert);

/// max over mean of the loads, e.g. of ranks: what a step waits for; 1 when there is no load.
double max_over_mean(std::span<const std::int64_t> loads);

}  // namespace moeperf
