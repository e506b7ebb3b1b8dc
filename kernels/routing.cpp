#include "kernels/routing.hpp"

#include <bit>

namespace moeperf {
namespace {

/// A step of splitmix64: mixes one more word into a hash.
std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
  std::uint64_t z = hash + word + 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

std::vector<std::int64_t> count_tokens_per_expert(const Routing& routing, std::int32_t num_experts) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(num_experts), 0);
  for (const std::int32_t expert : routing.topk_idx) {
    if (expert >= 0) ++counts[static_cast<std::size_t>(expert)];
  }
  return counts;
}

std::uint64_t routing_checksum(const Routing& routing, std::int64_t first_token) {
  std::uint64_t sum = 0;
  const auto k = static_cast<std::size_t>(routing.top_k);
  for (std::int64_t token = 0; token < routing.num_tokens; ++token) {
    std::uint64_t hash = mixed(0, static_cast<std::uint64_t>(first_token + token));
    for (std::size_t copy = static_cast<std::size_t>(token) * k; copy < (static_cast<std::size_t>(token) + 1) * k;
         ++copy) {
      const std::uint64_t expert = static_cast<std::uint32_t>(routing.topk_idx[copy]);
      hash = mixed(hash, expert << 32 | std::bit_cast<std::uint32_t>(routing.topk_weights[copy]));
    }
    sum += hash;
  }
  return sum;
}

}  // namespace moeperf
