#pragma once

#include "kernels/routing.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// Which rank holds which experts. Ranks hold *physical* experts: contiguous blocks in rank order, the first (E mod P)
/// ranks one expert more. Any E and any P work; with more ranks than experts the last ranks hold none. A physical
/// expert is a *logical* one of the model, or one of several replicas of it (EPLB, DeepSeek-V3, arXiv 2412.19437,
/// section 3.4): gates choose logical experts, dispatchers send to physical ones, physical_routing() stands between.
class Placement {
 public:
  Placement() = default;
  /// Each expert once.
  Placement(std::int32_t num_experts, int num_ranks) : num_experts_(num_experts), num_ranks_(num_ranks) {}
  /// logical_of_physical [E] in 0 … num_logical − 1, each at least once. Throws Error where one is missing or beyond.
  Placement(std::vector<std::int32_t> logical_of_physical, std::int32_t num_logical, int num_ranks);

  std::int32_t num_experts() const { return num_experts_; }  ///< E, physical
  std::int32_t num_logical() const {
    return has_replicas() ? static_cast<std::int32_t>(replicas_.size()) : num_experts_;
  }
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

  /// Whether logical and physical experts are not simply the same.
  bool has_replicas() const { return !logical_of_physical_.empty(); }
  std::int32_t logical_of(std::int32_t physical) const {
    return has_replicas() ? logical_of_physical_[static_cast<std::size_t>(physical)] : physical;
  }

 private:
  friend void physical_routing(const Placement& placement, std::int64_t first_token, Routing& routing);

  std::int32_t num_experts_ = 0;
  int num_ranks_ = 1;
  std::vector<std::int32_t> logical_of_physical_;    ///< [E]; empty: the identity
  std::vector<std::vector<std::int32_t>> replicas_;  ///< [logical], physical ones, ascending
};

/// Replaces logical experts by physical ones, in host memory: tokens take the replicas of an expert in turn, by their
/// global index, so that the choice does not depend on how tokens are split over ranks. `first_token` is the global
/// index of row 0. Nothing to do without replicas.
void physical_routing(const Placement& placement, std::int64_t first_token, Routing& routing);

}  // namespace moeperf
