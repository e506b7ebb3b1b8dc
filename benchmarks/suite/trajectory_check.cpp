#include "benchmarks/suite/trajectory_check.hpp"

#include "kernels/scores.hpp"

#include <cmath>
#include <numeric>

namespace moeperf {
namespace {

std::span<const std::int64_t> load_of(const BalancingTrajectory& trajectory, std::int64_t step) {
  const auto experts = static_cast<std::size_t>(trajectory.num_experts);
  return std::span(trajectory.load).subspan(static_cast<std::size_t>(step) * experts, experts);
}

std::int64_t sum_of(std::span<const std::int64_t> values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

/// What the bias of each expert gains from one step's loads: u·sign(c̄ − c) or u·(c̄ − c)/c̄.
std::vector<double> bias_gains(const LossFreeConfig& config, std::span<const std::int64_t> load) {
  const double mean = static_cast<double>(sum_of(load)) / static_cast<double>(load.size());
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

void check_loads(Checker& checker, const Problem& problem, const BalancingTrajectory& trajectory) {
  const std::int64_t copies = problem.tokens_global() * problem.workload().model.gate.top_k;
  for (std::int64_t step = 0; step < trajectory.num_steps; ++step) {
    checker.same(sum_of(load_of(trajectory, step)) == copies);
  }
  checker.same(trajectory.num_steps == problem.workload().balancing.steps);
}

void check_bias(Checker& checker, const LossFreeConfig& config, const BalancingTrajectory& trajectory) {
  if (trajectory.bias.empty()) return;
  const auto experts = static_cast<std::size_t>(trajectory.num_experts);
  for (std::size_t i = 0; i < experts; ++i) checker.same(trajectory.bias[i] == 0.0f);
  for (std::int64_t step = 1; step < trajectory.num_steps; ++step) {
    const std::vector<double> gains = bias_gains(config, load_of(trajectory, step - 1));
    const std::size_t now = static_cast<std::size_t>(step) * experts;
    for (std::size_t i = 0; i < experts; ++i) {
      const double expected = trajectory.bias[now - experts + i] + gains[i];
      // One rounding to f32.
      checker.same(std::abs(trajectory.bias[now + i] - expected) <= std::abs(expected) * std::ldexp(1.0, -23));
    }
  }
}

bool can_check_aux_loss(const AuxLossConfig& config, const BalancingTrajectory& trajectory) {
  return !trajectory.aux_loss.empty() && config.scope == AuxScope::global_batch && config.device_alpha == 0 &&
         config.communication_alpha == 0 && config.z_loss == 0;
}

void check_aux_loss(Checker& checker, const Problem& problem, const BalancingTrajectory& trajectory, ConstRows logits) {
  const GateConfig& gate = problem.workload().model.gate;
  const auto experts = static_cast<std::size_t>(gate.num_experts);
  std::vector<double> probability_sum(experts, 0.0), row(experts), score(experts);
  for (std::int64_t token = 0; token < logits.num_rows(); ++token) {
    std::copy_n(logits.row<float>(token), experts, row.begin());
    score_row<double>(gate.score, row, score);
    const double total = std::accumulate(score.begin(), score.end(), 0.0);
    for (std::size_t i = 0; i < experts; ++i) probability_sum[i] += score[i] / total;
  }
  MpiReducer(problem.comm()).sum(std::span(probability_sum));

  // L = α · E/(K·T²) · Σ_i c_i · Σ_t p_ti
  const auto load = load_of(trajectory, trajectory.num_steps - 1);
  double products = 0;
  for (std::size_t i = 0; i < experts; ++i) products += static_cast<double>(load[i]) * probability_sum[i];
  const auto tokens = static_cast<double>(problem.tokens_global());
  const double expected =
      problem.workload().balancing.aux_loss.alpha * gate.num_experts / (gate.top_k * tokens * tokens) * products;
  checker.same(std::abs(trajectory.aux_loss.back() - expected) <= 1e-6 * std::abs(expected));
}

}  // namespace moeperf
