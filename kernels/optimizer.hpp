#pragma once

#include "kernels/balancing/scheme.hpp"
#include "kernels/balancing/weight_gradient.hpp"

namespace moeperf {

/// Adds the bias that a change asks for. Local; the same on every rank.
void apply_bias(const RouterChange& change, GateState& state);

/// Carries out what a balancing scheme wants of the router: its bias as it stands, its gradient by plain descent,
///
///   W[e,h] −= learning_rate · Σ_t ∂L/∂z[t,e] · x[t,h]
///
/// with the sum over the tokens of all ranks, bit-identical for any number of them. Another rule (momentum, Adam) is
/// another class with the same apply().
class RouterOptimizer {
 public:
  /// `reducer` outlives it.
  RouterOptimizer(const GateConfig& gate, const OptimizerConfig& config, Reducer& reducer)
      : config_(config), weight_gradient_(gate.num_experts, reducer) {}

  /// Collective where the change has a gradient; x [T,H] are the hidden states whose logits that is by. Raises the
  /// state's version where it changes the weights.
  void apply(const RouterChange& change, ConstRows x, GateState& state);

 private:
  OptimizerConfig config_;
  WeightGradient weight_gradient_;
};

}  // namespace moeperf
