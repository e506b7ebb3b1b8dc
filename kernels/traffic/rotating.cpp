// As hot_experts, but with other hot experts at each step, until all have had their turn: balancing that learns from
// the steps before is always late.

#include "kernels/traffic/hot_set.hpp"
#include "kernels/traffic/popularity_stream.hpp"

#include <fmt/format.h>

namespace moeperf {
namespace {

std::unique_ptr<TrafficPattern> make(const TrafficContext& context) {
  const GateConfig gate = context.workload->model.gate;
  const std::vector<std::int32_t> order = shuffled_experts(gate.num_experts, context.seed);
  const std::int32_t num_hot = num_hot_experts(*context.workload);
  PopularityProfile profile;
  profile.num_sets = gate.num_experts / num_hot;
  profile.label = fmt::format("rotating: {} of {} in turn, {} sets", num_hot, gate.num_experts, profile.num_sets);
  profile.popularity = [&](std::int64_t set, double strength) {
    const auto first = static_cast<std::size_t>(set * num_hot);
    return hot_popularity(gate, std::span(order).subspan(first, static_cast<std::size_t>(num_hot)), strength);
  };
  profile.target_maxvio = context.workload->traffic.target_maxvio;
  return make_popularity_stream(context, profile);
}

const TrafficRegistration registration("rotating", "other experts are hot at each step", make);

}  // namespace
}  // namespace moeperf
