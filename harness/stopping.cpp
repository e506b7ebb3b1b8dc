#include "harness/stopping.hpp"

#include "results/statistics.hpp"

#include <algorithm>

namespace moeperf {

std::optional<StopReason> reason_to_stop(const SamplingPlan& plan, std::int64_t taken,
                                         std::span<const std::vector<double>> parts, double elapsed_s) {
  if (plan.samples > 0) return taken < plan.samples ? std::nullopt : std::optional(StopReason::fixed_count);
  if (taken < plan.min_samples) return std::nullopt;
  const bool settled = std::all_of(parts.begin(), parts.end(), [&](const std::vector<double>& samples) {
    return relative_ci(samples) <= plan.target_ci;
  });
  if (settled) return StopReason::target_ci;
  if (elapsed_s >= plan.max_time_s) return StopReason::max_time;
  return std::nullopt;
}

}  // namespace moeperf
