#pragma once

#include "kernels/workload.hpp"

#include <cstdint>
#include <vector>

namespace moeperf {

constexpr const char* ragged_pattern = "ragged_source";

/// Tokens of each rank under `ragged_source`: the total of the phase's tokens_per_rank over these ranks, dealt out by
/// the weights 3, 0, 2, 1, 3, 0, 2, 1, … of the ranks, rank r from floor(total·w_below/w_all) on, where w_below is the
/// sum of the weights of the ranks before it. The tokens, by global index, are those of `topics`: only where they
/// start from differs. Applied to its own result it changes nothing.
std::vector<std::int64_t> ragged_tokens(const Phase& phase, int num_ranks);

}  // namespace moeperf
