// A fraction of the experts gets next to nothing: grouped kernels meet empty groups, exchanges empty messages.

#include "kernels/traffic/popularity.hpp"
#include "kernels/traffic/popularity_stream.hpp"

#include <fmt/format.h>

namespace moeperf {
namespace {

/// Load of an expert that counts as empty, as a fraction of the mean.
constexpr double next_to_nothing = 0.01;

std::unique_ptr<TrafficPattern> make(const TrafficContext& context) {
  const GateConfig gate = context.workload->model.gate;
  std::vector<std::int32_t> empty = shuffled_experts(gate.num_experts, context.seed);
  empty.resize(static_cast<std::size_t>(experts_in(context.workload->traffic.empty_fraction, gate.num_experts)));
  const double even = static_cast<double>(gate.top_k) / gate.num_experts;
  PopularityProfile profile;
  profile.label = fmt::format("empty_experts: {} of {}", empty.size(), gate.num_experts);
  profile.popularity = [&](std::int64_t, double strength) {
    return two_level_popularity(gate, empty, even * (1.0 - strength * (1.0 - next_to_nothing)));
  };
  // Not a matter of calibration: the others' load follows from the fraction.
  profile.calibrated = false;
  profile.target_maxvio = static_cast<double>(empty.size()) / (gate.num_experts - static_cast<double>(empty.size()));
  return make_popularity_stream(context, profile);
}

const TrafficRegistration registration("empty_experts", "a fraction of the experts gets next to nothing", make);

}  // namespace
}  // namespace moeperf
