#pragma once

#include "results/report.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace moeperf {

/// When a case has been sampled enough.
struct SamplingPlan {
  std::int64_t warmup = 2;
  std::int64_t min_samples = 10;
  double max_time_s = 2.0;   ///< of sampling; at least min_samples are taken all the same
  double target_ci = 0.01;   ///< half-width of the 95 % CI of the median, as a fraction of the median
  std::int64_t samples = 0;  ///< above 0: exactly so many, whatever the other rules say
};

/// Why to stop now, if so, after `taken` samples. `parts` holds, for each part that counts, the valid ones (maximum
/// over ranks). The same on every rank when its arguments are.
std::optional<StopReason> reason_to_stop(const SamplingPlan& plan, std::int64_t taken,
                                         std::span<const std::vector<double>> parts, double elapsed_s);

}  // namespace moeperf
