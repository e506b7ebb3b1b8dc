#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace moeperf {

/// What a routing file says about where tokens went: S steps of T tokens, K of E experts each.
struct RoutingFile {
  std::int64_t num_steps = 0;
  std::int64_t num_tokens = 0;
  std::int64_t num_experts = 0;
  std::int64_t top_k = 0;
  std::vector<std::int32_t> indices;  ///< [S, T, K], as they stand in the file
  std::vector<float> weights;         ///< [S, T, K]; empty where the file has none
};

/// Reads `/indices` (int32, [T,K] or [S,T,K]), `/weights` (float32, the same shape) if there, and the attributes
/// num_experts and top_k (int64) of a routing file, ours or recorded elsewhere; whatever else is in it is ignored.
/// Local. Throws UserError that names the file, what was found and what is accepted; the values of the indices are
/// for the caller to check.
RoutingFile read_routing(const std::filesystem::path& path);

}  // namespace moeperf
