// The tokens of `topics`, by global index the same: only which ranks they start from differs.

#include "kernels/traffic/topic_stream.hpp"

namespace moeperf {
namespace {

/// Of each four ranks the second holds nothing.
constexpr std::int64_t weights[] = {3, 0, 2, 1};

/// The total of the phase's tokens_per_rank over these ranks, dealt out by the weights 3, 0, 2, 1, 3, 0, 2, 1, … of the
/// ranks, rank r from floor(total·w_below/w_all) on, where w_below is the sum of the weights of the ranks before it.
/// Applied to its own result it changes nothing.
std::vector<std::int64_t> ragged_tokens(const Phase& phase, int num_ranks) {
  std::int64_t total = 0, total_weight = 0;
  for (int rank = 0; rank < num_ranks; ++rank) {
    total += phase.tokens_of(rank);
    total_weight += weights[rank % 4];
  }
  // total · weight / total_weight, the quotient first lest the product overflow.
  const auto tokens_below = [&](std::int64_t weight) {
    return total / total_weight * weight + total % total_weight * weight / total_weight;
  };
  std::vector<std::int64_t> tokens;
  std::int64_t weight_below = 0;
  for (int rank = 0; rank < num_ranks; ++rank) {
    const std::int64_t weight = weights[rank % 4];
    tokens.push_back(tokens_below(weight_below + weight) - tokens_below(weight_below));
    weight_below += weight;
  }
  return tokens;
}

const TrafficRegistration registration("ragged_source",
                                       "topics, from ranks that hold unequal numbers of tokens, some none",
                                       [](const TrafficContext& context) {
                                         return make_topic_stream(context, "ragged_source", 1);
                                       },
                                       {.tokens_per_rank = ragged_tokens});

}  // namespace
}  // namespace moeperf
