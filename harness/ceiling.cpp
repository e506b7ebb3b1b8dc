#include "harness/ceiling.hpp"

#include "results/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace moeperf {

std::string too_fast(const PartInfo& part, const WorkModel& work, std::span<const double> times_s) {
  if (part.ceiling_flop_per_s <= 0 || work.flop_useful <= 0 || times_s.empty()) return {};
  std::vector<double> sorted(times_s.begin(), times_s.end());
  std::sort(sorted.begin(), sorted.end());
  const double median = quantile(sorted, 0.5);
  if (work.flop_useful <= part.ceiling_flop_per_s * median) return {};
  return fmt::format(
      "{} claims {:.4g} GFLOP/s, more than the {:.4g} that this rank's threads can reach: it is not done", part.name,
      work.flop_useful / median / 1e9, part.ceiling_flop_per_s / 1e9);
}

}  // namespace moeperf
