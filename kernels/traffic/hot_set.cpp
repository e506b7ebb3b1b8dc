#include "kernels/traffic/hot_set.hpp"

#include <algorithm>

namespace moeperf {

std::int32_t num_hot_experts(const Workload& workload) {
  const double fraction = pattern_settings(workload.traffic, hot_experts_pattern).real("fraction");
  return experts_in(fraction, workload.model.gate.num_experts);
}

std::vector<double> hot_popularity(const GateConfig& gate, std::span<const std::int32_t> members, double strength) {
  constexpr double nearly_all = 0.99;
  const double even = static_cast<double>(gate.top_k) / gate.num_experts;
  const double most = nearly_all * std::min(1.0, gate.top_k / static_cast<double>(members.size()));
  return two_level_popularity(gate, members, even + strength * std::max(0.0, most - even));
}

}  // namespace moeperf
