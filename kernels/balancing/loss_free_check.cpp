#include "kernels/balancing/loss_free_check.hpp"

#include <cmath>
#include <numeric>

namespace moeperf {
namespace {

/// What the bias of each expert gains from one step's loads: u·sign(c̄ − c) or u·(c̄ − c)/c̄.
std::vector<double> bias_gains(const LossFreeConfig& config, std::span<const std::int64_t> load) {
  const auto sum = std::accumulate(load.begin(), load.end(), std::int64_t{0});
  const double mean = static_cast<double>(sum) / static_cast<double>(load.size());
  std::vector<double> gains;
  for (const std::int64_t count : load) {
    const double missing = mean - static_cast<double>(count);
    const double sign = missing > 0 ? 1.0 : missing < 0 ? -1.0 : 0.0;
    gains.push_back(config.bias_rate * (config.bias_rule == BiasRule::sign ? sign : missing / mean));
  }
  if (config.center) {
    const double drift = std::accumulate(gains.begin(), gains.end(), 0.0) / static_cast<double>(gains.size());
    for (double& gain : gains) gain -= drift;
  }
  return gains;
}

}  // namespace

Claim check_bias(const LossFreeConfig& config, const SchemeRecord& record) {
  Claim claim{"every bias follows from the loads of the step before"};
  const auto experts = static_cast<std::size_t>(record.num_experts);
  std::vector<double> expected(experts, 0.0);
  for (std::int64_t step = 0; step <= record.num_steps(); ++step) {
    const bool recorded = step < record.num_steps();
    const std::span<const float> bias =
        recorded ? record.bias.subspan(static_cast<std::size_t>(step) * experts, experts) : record.reached->bias;
    const std::vector<double> gains =
        recorded ? bias_gains(config, record.load_of(step)) : std::vector<double>(experts, 0.0);
    for (std::size_t i = 0; i < experts; ++i) {
      // One rounding to f32.
      claim.require(std::abs(bias[i] - expected[i]) <= std::abs(expected[i]) * std::ldexp(1.0, -23));
      expected[i] = bias[i] + gains[i];
    }
  }
  return claim;
}

}  // namespace moeperf
