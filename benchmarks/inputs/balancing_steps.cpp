#include "benchmarks/inputs/balancing_steps.hpp"

#include "kernels/base/load_measures.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {

BalancingSteps::BalancingSteps(Problem& problem, const std::string& scheme, const std::string& kernel)
    : problem_(problem),
      gate_(problem.kernels(kernel), problem.workload().model.gate, problem.workload().model.hidden),
      scheme_(problem.make_scheme(scheme)),
      optimizer_(problem.make_optimizer()),
      state_(copy_of(problem.initial_gate())),
      x_(problem.num_tokens(), problem.workload().model.hidden, problem.workload().model.dtype),
      logits_(problem.num_tokens(), problem.workload().model.gate.num_experts, DType::f32) {
  trajectory_.workload = problem.workload().name;
  trajectory_.phase_kind = name(problem.phase().kind);
  trajectory_.scheme = scheme;
  trajectory_.kernel = kernel;
  trajectory_.num_experts = problem.workload().model.gate.num_experts;
}

void BalancingSteps::next_batch() {
  ++step_;
  const std::int64_t number = measured_step - problem_.workload().balancing.steps + step_;
  problem_.traffic().hidden_states(number, problem_.first_token(), x_.rows());
}

void BalancingSteps::gate() {
  Rows logits = logits_.rows();
  gate_.forward(x_.rows(), state_, &logits, chosen_);
}

void BalancingSteps::revise() {
  revised_ = chosen_;  // same sizes each step: no allocation
  scheme_->revise(revised_, problem_.first_token());
}

void BalancingSteps::update() {
  bias_in_use_ = state_.bias;
  const RouterChange change = scheme_->update({logits(), &chosen_, problem_.first_token(), state_.bias}, state_.extra);
  optimizer_.apply(change, x(), state_);
  last_loss_ = change.loss;
}

void BalancingSteps::record() {
  const auto num_experts = static_cast<std::int32_t>(trajectory_.num_experts);
  std::vector<std::int64_t> load =
      count_tokens_per_expert(scheme_->replaces_choice() ? revised_ : chosen_, num_experts);
  const std::int64_t dropped = std::count(revised_.topk_idx.begin(), revised_.topk_idx.end(), -1);
  load.push_back(dropped);
  MpiReducer(problem_.comm()).sum(std::span(load));
  trajectory_.dropped.push_back(load.back());
  load.pop_back();
  std::int64_t routed = 0;
  for (const std::int64_t count : load) routed += count;
  trajectory_.routed.push_back(routed);
  trajectory_.maxvio.push_back(max_violation(load));
  trajectory_.load.insert(trajectory_.load.end(), load.begin(), load.end());
  if (scheme_->has_bias()) {
    trajectory_.bias.insert(trajectory_.bias.end(), bias_in_use_.begin(), bias_in_use_.end());
  }
  if (!std::isnan(last_loss_)) trajectory_.aux_loss.push_back(last_loss_);
  trajectory_.num_steps = step_ + 1;
}

void BalancingSteps::run_all_steps() {
  for (std::int64_t i = 0; i < problem_.workload().balancing.steps; ++i) {
    next_batch();
    gate();
    update();
  }
}

std::vector<Claim> BalancingSteps::check() {
  return scheme_->check({.num_experts = trajectory_.num_experts,
                         .tokens_global = problem_.tokens_global(),
                         .load = trajectory_.load,
                         .bias = trajectory_.bias,
                         .aux_loss = trajectory_.aux_loss,
                         .logits = std::as_const(logits_).rows(),
                         .reached = &state_});
}

}  // namespace moeperf
