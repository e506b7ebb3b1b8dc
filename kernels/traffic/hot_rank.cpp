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
  const auto num_blocks =
      static_cast<std::int32_t>(pattern_settings(context.workload->traffic, "hot_rank").integer("blocks"));
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

std::optional<Violation> violation(const TrafficConfig& traffic, const GateConfig& gate) {
  const std::int64_t blocks = pattern_settings(traffic, "hot_rank").integer("blocks");
  if (blocks <= gate.num_experts) return std::nullopt;
  return Violation{"traffic.hot_rank.blocks",
                   fmt::format("{} given; accepted: 1 to model.experts ({})", blocks, gate.num_experts)};
}

const TrafficRegistration registration(
    "hot_rank", "one contiguous block of experts is hot", make,
    {.settings = {integer_setting("blocks", "one of so many equal blocks of experts is hot", 8, at_least(1))},
     .violation = violation});

}  // namespace
}  // namespace moeperf
