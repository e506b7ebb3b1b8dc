#pragma once

#include <algorithm>
#include <cstdint>

namespace moeperf {

/// Which rank holds which experts: contiguous blocks in rank order, the first (E mod P) ranks one
/// expert more. Any E and any P work; with more ranks than experts the last ranks hold none.
class Placement {
 public:
  Placement(std::int32_t num_experts, int num_ranks) : num_experts_(num_experts), num_ranks_(num_ranks) {}

  std::int32_t num_experts() const { return num_experts_; }
  int num_ranks() const { return num_ranks_; }

  /// First expert of `rank`; first_expert(num_ranks) is E, so the block is [first(r), first(r+1)).
  std::int32_t first_expert(int rank) const {
    return rank * (num_experts_ / num_ranks_) + std::min<std::int32_t>(rank, num_experts_ % num_ranks_);
  }
  std::int32_t num_local(int rank) const { return first_expert(rank + 1) - first_expert(rank); }

  int owner(std::int32_t expert) const {
    const std::int32_t small = num_experts_ / num_ranks_;
    const std::int32_t num_large = num_experts_ % num_ranks_;
    const std::int32_t in_large = num_large * (small + 1);
    return expert < in_large ? expert / (small + 1) : num_large + (expert - in_large) / small;
  }

 private:
  std::int32_t num_experts_;
  int num_ranks_;
};

}  // namespace moeperf
