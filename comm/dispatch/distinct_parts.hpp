#pragma once

#include "kernels/routing.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// Where each token has to go when one copy per part (a rank, a node) will do: for every token the parts that hold any
/// of its experts, each once, ascending, in a table [T,width] whose unused places are −1. Fed to Permuter::plan, the
/// table packs one row per token and part; fed to weighted_sum with its slots, it adds partial sums in ascending order.
/// part_of_expert [E]; width is at least the most distinct parts of a token, min(K, parts). Reuses the table's memory.
void distinct_parts(const Routing& routing, std::span<const int> part_of_expert, std::int32_t width,
                    std::vector<std::int32_t>& table);

}  // namespace moeperf
