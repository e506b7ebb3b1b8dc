#pragma once

#include "kernels/routing.hpp"

#include <cstdint>
#include <vector>

namespace moeperf {

/// Which copies an over-full expert drops: those of smallest weight, or the last to come.
enum class DropPolicy : std::uint8_t { probability, position };

/// Copies that one expert takes from a rank's batch: ceil(factor·K·T/E).
std::int64_t expert_capacity(double capacity_factor, std::int64_t num_tokens, std::int32_t top_k,
                             std::int32_t num_experts);

/// Drops what exceeds an expert's capacity: index −1, weight 0, in place. `probability` keeps the
/// largest weights (ties: the earlier token), `position` the first to come in (token, choice) order.
class CapacityLimiter {
 public:
  CapacityLimiter(std::int32_t num_experts, double capacity_factor, DropPolicy policy);

  bool drops() const { return capacity_factor_ > 0; }
  /// Local. A capacity factor of 0 drops nothing. A token without any choice is padding: the capacity does not count
  /// it.
  void drop(Routing& routing);

 private:
  void drop_by_position(Routing& routing, std::int64_t capacity);
  void drop_by_probability(Routing& routing, std::int64_t capacity);

  std::int32_t num_experts_;
  double capacity_factor_;
  DropPolicy policy_;
  std::vector<std::int64_t> num_copies_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int64_t> copies_;  // places in topk_idx, grouped by expert
};

}  // namespace moeperf
