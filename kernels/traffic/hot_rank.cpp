// One of N equal blocks of experts is hot: with N ranks, the experts of one rank. N is a setting and not the number of
// ranks, so that tokens stay the same on any number of them; where ranks are fewer, the block lies within one rank.

#include "kernels/base/philox.hpp"
#include "kernels/placement.hpp"
#include "kernels/traffic/hot_set.hpp"
#include "kernels/traffic/popularity_stream.hpp"

#include <fmt/format.h>

#include <numeric>

namespace moeperf {
namespace {

std::unique_ptr<TrafficPattern> make(const TrafficContext& context) {
  const GateConfig gate = context.workload->model.gate;
  const std::int32_t num_blocks = context.workload->traffic.hot_blocks;
  const Placement blocks(gate.num_experts, num_blocks);
  constexpr std::uint64_t block_item = std::uint64_t{1} << 32;  // beyond those that order the experts
  const std::uint64_t draw = random_bits(context.seed, RandomStream::popular_experts, block_item, 0)[0];
  const auto block = static_cast<int>(draw % static_cast<std::uint64_t>(num_blocks));
  std::vector<std::int32_t> hot(static_cast<std::size_t>(blocks.num_local(block)));
  std::iota(hot.begin(), hot.end(), blocks.first_expert(block));
  PopularityProfile profile;
  profile.label = fmt::format("hot_rank: experts {} to {} of {}", hot.front(), hot.back(), gate.num_experts);
  profile.popularity = [&](std::int64_t, double strength) { return hot_popularity(gate, hot, strength); };
  profile.target_maxvio = context.workload->traffic.target_maxvio;
  return make_popularity_stream(context, profile);
}

const TrafficRegistration registration("hot_rank", "one contiguous block of experts is hot", make);

}  // namespace
}  // namespace moeperf
