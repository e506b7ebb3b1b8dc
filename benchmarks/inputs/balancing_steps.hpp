#pragma once

#include "benchmarks/inputs/problem.hpp"
#include "kernels/gate_on_host.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moeperf {

/// Steps of (gate → counts → update) on a stream of fresh tokens, one scheme: the dynamics of balancing.
/// All calls are collective; each step is next_batch, gate, revise, update, record, in that order.
class BalancingSteps {
 public:
  BalancingSteps(Problem& problem, const std::string& scheme, const std::string& kernel);

  /// Makes the next step's tokens: of balancing.steps steps, the last right before the one that is measured.
  void next_batch();
  void gate();
  void revise();
  void update();
  /// Counts the step's loads over all ranks into the trajectory.
  void record();

  void run_all_steps();

  /// What the scheme claims of the steps recorded so far, and whether it holds.
  std::vector<Claim> check();

  const GateState& state() const { return state_; }
  GateState take_state() { return std::move(state_); }
  const BalancingTrajectory& trajectory() const { return trajectory_; }
  ConstRows x() const { return x_.rows(); }  ///< the step's hidden states [T,H]
  /// Of the last gate(): logits [T,E] and choice, before revise().
  ConstRows logits() const { return logits_.rows(); }
  const Routing& chosen() const { return chosen_; }

 private:
  Problem& problem_;
  GateOnHost gate_;
  std::unique_ptr<BalancingScheme> scheme_;
  RouterOptimizer optimizer_;
  GateState state_;
  RowBuffer x_, logits_;
  Routing chosen_, revised_;
  double last_loss_ = 0;
  std::int64_t step_ = -1;
  std::vector<float> bias_in_use_;
  BalancingTrajectory trajectory_;
};

}  // namespace moeperf
