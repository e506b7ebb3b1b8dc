#include "kernels/placement.hpp"

#include "kernels/base/error.hpp"

#include <fmt/format.h>

#include <utility>

namespace moeperf {

Placement::Placement(std::vector<std::int32_t> logical_of_physical, std::int32_t num_logical, int num_ranks)
    : num_experts_(static_cast<std::int32_t>(logical_of_physical.size())),
      num_ranks_(num_ranks),
      logical_of_physical_(std::move(logical_of_physical)),
      replicas_(static_cast<std::size_t>(num_logical)) {
  for (std::int32_t physical = 0; physical < num_experts_; ++physical) {
    const std::int32_t logical = logical_of(physical);
    if (logical < 0 || logical >= num_logical) {
      throw Error(fmt::format("placement: physical expert {} is a replica of {}; accepted: 0 to {}", physical, logical,
                              num_logical - 1));
    }
    replicas_[static_cast<std::size_t>(logical)].push_back(physical);
  }
  for (std::size_t logical = 0; logical < replicas_.size(); ++logical) {
    if (replicas_[logical].empty()) throw Error(fmt::format("placement: expert {} has no replica", logical));
  }
}

void physical_routing(const Placement& placement, std::int64_t first_token, Routing& routing) {
  if (!placement.has_replicas()) return;
  std::size_t copy = 0;
  for (std::int64_t token = 0; token < routing.num_tokens; ++token) {
    for (std::int32_t k = 0; k < routing.top_k; ++k, ++copy) {
      std::int32_t& expert = routing.topk_idx[copy];
      if (expert < 0) continue;
      const std::vector<std::int32_t>& replicas = placement.replicas_[static_cast<std::size_t>(expert)];
      expert = replicas[static_cast<std::size_t>(first_token + token) % replicas.size()];
    }
  }
}

}  // namespace moeperf
