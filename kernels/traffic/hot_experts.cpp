// A few experts, scattered over all, are hot: the case that capacity limits and expert replication are made for.

#include "kernels/traffic/hot_set.hpp"
#include "kernels/traffic/popularity_stream.hpp"

#include <fmt/format.h>

namespace moeperf {
namespace {

std::unique_ptr<TrafficPattern> make(const TrafficContext& context) {
  const GateConfig gate = context.workload->model.gate;
  std::vector<std::int32_t> hot = shuffled_experts(gate.num_experts, context.seed);
  hot.resize(static_cast<std::size_t>(num_hot_experts(*context.workload)));
  PopularityProfile profile;
  profile.label = fmt::format("hot_experts: {} of {}", hot.size(), gate.num_experts);
  profile.popularity = [&](std::int64_t, double strength) { return hot_popularity(gate, hot, strength); };
  profile.target_maxvio = context.workload->traffic.target_maxvio;
  return make_popularity_stream(context, profile);
}

const TrafficRegistration registration(hot_experts_pattern, "a few experts, scattered over all, take most", make,
                                       {.settings = {real_setting("fraction", "of the experts: the hot ones", 0.2,
                                                                  {.least = 0, .most = 1, .least_excluded = true})}});

}  // namespace
}  // namespace moeperf
