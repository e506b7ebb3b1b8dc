// A fraction of the experts gets next to nothing: grouped kernels meet empty groups, exchanges empty messages.

#include "kernels/traffic/popularity.hpp"
#include "kernels/traffic/popularity_stream.hpp"

#include <fmt/format.h>

namespace moeperf {
namespace {

/// Load of an expert that counts as empty, as a fraction of the mean.
constexpr double next_to_nothing = 0.01;

std::int32_t num_empty(const TrafficConfig& traffic, const GateConfig& gate) {
  return experts_in(pattern_settings(traffic, "empty_experts").real("fraction"), gate.num_experts);
}

/// MaxVio of the others' even share.
double expected(const TrafficConfig& traffic, const GateConfig& gate) {
  const std::int32_t empty = num_empty(traffic, gate);
  return static_cast<double>(empty) / (gate.num_experts - empty);
}

std::optional<Violation> violation(const TrafficConfig& traffic, const GateConfig& gate) {
  if (gate.num_experts - num_empty(traffic, gate) >= gate.top_k) return std::nullopt;
  return Violation{
      "traffic.empty_experts.fraction",
      fmt::format("{} given; accepted: a fraction that leaves model.top_k ({}) of the {} experts",
                  pattern_settings(traffic, "empty_experts").real("fraction"), gate.top_k, gate.num_experts)};
}

std::unique_ptr<TrafficPattern> make(const TrafficContext& context) {
  const GateConfig gate = context.workload->model.gate;
  std::vector<std::int32_t> empty = shuffled_experts(gate.num_experts, context.seed);
  empty.resize(static_cast<std::size_t>(num_empty(context.workload->traffic, gate)));
  const double even = static_cast<double>(gate.top_k) / gate.num_experts;
  PopularityProfile profile;
  profile.label = fmt::format("empty_experts: {} of {}", empty.size(), gate.num_experts);
  profile.popularity = [&](std::int64_t, double strength) {
    return two_level_popularity(gate, empty, even * (1.0 - strength * (1.0 - next_to_nothing)));
  };
  // Not a matter of calibration: the others' load follows from the fraction.
  profile.calibrated = false;
  profile.target_maxvio = expected(context.workload->traffic, gate);
  return make_popularity_stream(context, profile);
}

const TrafficRegistration registration(
    "empty_experts", "a fraction of the experts gets next to nothing", make,
    {.settings = {real_setting("fraction", "of the experts: the empty ones", 0.25,
                               {.least = 0, .most = 1, .least_excluded = true, .most_excluded = true})},
     .violation = violation,
     .expected_maxvio = expected});

}  // namespace
}  // namespace moeperf
