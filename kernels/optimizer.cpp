#include "kernels/optimizer.hpp"

namespace moeperf {

void apply_bias(const RouterChange& change, GateState& state) {
  for (std::size_t i = 0; i < change.bias.size(); ++i) {
    state.bias[i] = static_cast<float>(static_cast<double>(state.bias[i]) + change.bias[i]);
  }
}

void RouterOptimizer::apply(const RouterChange& change, ConstRows x, GateState& state) {
  apply_bias(change, state);
  if (change.gradient_tokens == 0) return;
  const auto gradient = weight_gradient_.compute(change.logit_gradient, x, change.gradient_tokens);
  float* weight = state.weight.rows().row<float>(0);
  const auto count = static_cast<std::int64_t>(gradient.size());
#pragma omp parallel for simd schedule(static)
  for (std::int64_t i = 0; i < count; ++i) {
    weight[i] = static_cast<float>(weight[i] - config_.learning_rate * gradient[static_cast<std::size_t>(i)]);
  }
  ++state.version;
}

}  // namespace moeperf
