#pragma once

#include "kernels/base/array.hpp"

#include <cstdint>
#include <vector>

namespace moeperf {

/// The gate's decision for T tokens: topk_idx [T,K], topk_weights [T,K], row-major, in the memory of one resource: the
/// host's, or that of the kernels that made it.
/// A token's choices stand in descending order of the score that selected them. A dropped copy has
/// index -1 and weight 0; padding, which is not routed, is a token of such copies alone.
struct Routing {
  explicit Routing(MemoryResource& memory = host_memory()) : topk_idx(memory), topk_weights(memory) {}

  std::int64_t num_tokens = 0;
  std::int32_t top_k = 0;
  Array<std::int32_t> topk_idx;
  Array<float> topk_weights;

  MemorySpace space() const { return topk_idx.space(); }

  void resize(std::int64_t tokens, std::int32_t k) {
    num_tokens = tokens;
    top_k = k;
    topk_idx.resize(static_cast<std::size_t>(tokens * k));
    topk_weights.resize(static_cast<std::size_t>(tokens * k));
  }
};

/// Copies per expert, [E]; dropped copies are not counted. Of a routing in host memory, as what follows.
std::vector<std::int64_t> count_tokens_per_expert(const Routing& routing, std::int32_t num_experts);

/// A checksum of indices and weights that does not depend on how the tokens are split over ranks:
/// the sum (mod 2^64) over tokens of a hash of (global token index, its K choices, its K weights).
/// `first_token` is the global index of the first row. Add the ranks' values.
std::uint64_t routing_checksum(const Routing& routing, std::int64_t first_token);

}  // namespace moeperf
