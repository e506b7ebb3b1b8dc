// The experts' popularity is log-normal, P(e) ~ exp(σ·g(e)), with the g the normal distribution's quantiles at
// (i + 1/2)/E, dealt out to the experts in an order drawn from the seed: the same shape for every seed. σ is found by
// bisection for the target MaxVio.

#include "kernels/traffic/popularity.hpp"
#include "kernels/traffic/popularity_stream.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moeperf {
namespace {

constexpr double nearly_all = 0.99;

/// factor · weights, no more than nearly_all, with the factor that makes them add up to K.
std::vector<double> capped_shares(const std::vector<double>& weights, double top_k) {
  const auto shares = [&](double factor) {
    std::vector<double> values;
    for (const double w : weights) values.push_back(std::min(nearly_all, factor * w));
    return values;
  };
  double low = 0, high = 1 / *std::min_element(weights.begin(), weights.end());
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = 0.5 * (low + high);
    const std::vector<double> values = shares(middle);
    (std::accumulate(values.begin(), values.end(), 0.0) < top_k ? low : high) = middle;
  }
  return shares(high);
}

std::unique_ptr<TrafficPattern> make(const TrafficContext& context) {
  const GateConfig gate = context.workload->model.gate;
  const std::vector<std::int32_t> order = shuffled_experts(gate.num_experts, context.seed);
  PopularityProfile profile;
  profile.label = "lognormal, strength being sigma";
  profile.max_strength = 4.0;
  profile.popularity = [&](std::int64_t, double strength) {
    std::vector<double> weights(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const double normal = normal_quantile((static_cast<double>(i) + 0.5) / static_cast<double>(order.size()));
      weights[static_cast<std::size_t>(order[i])] = std::exp(strength * normal);
    }
    return capped_shares(weights, gate.top_k);
  };
  profile.target_maxvio = context.workload->traffic.target_maxvio;
  return make_popularity_stream(context, profile);
}

const TrafficRegistration registration("lognormal", "the experts' popularity is log-normal", make);

}  // namespace
}  // namespace moeperf
