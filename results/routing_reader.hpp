#pragma once

#include "results/recorded_array.hpp"

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
  std::vector<std::int32_t> indices;  ///< [S, T, K], each -1 … E-1
  std::vector<float> weights;         ///< [S, T, K]; empty where the file has none
};

/// Reads `/indices` (integers of any type; layouts of RecordedArray), `/weights` (an element type of real_format(), the
/// same shape) if there, and the integer attributes num_experts and top_k of a routing file, ours or recorded
/// elsewhere; whatever else is in it is ignored. Local. Throws UserError that names the file, what was found and what
/// is accepted, also for an index outside -1 … E-1, with its place.
RoutingFile read_routing(const std::filesystem::path& path, const LayoutRequest& request = {});

}  // namespace moeperf
