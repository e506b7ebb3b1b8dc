// Auxiliary-loss balancing (Shazeer et al. 2017, GShard, Switch; device and communication terms of
// DeepSeek-V2): the loss of aux_loss_math.hpp pulls on the router's weights by plain gradient descent,
//
//   W[e,h] −= learning_rate · Σ_t ∂L/∂z[t,e] · x[t,h]
//
// and experts over capacity drop copies when a capacity factor is set.

#include "kernels/balancing/aux_loss_batch.hpp"
#include "kernels/balancing/aux_loss_check.hpp"
#include "kernels/balancing/capacity.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/balancing/weight_gradient.hpp"

#include <vector>

namespace moeperf {
namespace {

class AuxLoss final : public BalancingScheme {
 public:
  explicit AuxLoss(const SchemeContext& context)
      : gate_(context.gate),
        config_(context.balancing.aux_loss),
        reducer_(*context.reducer),
        batch_loss_(context.gate, config_, *context.reducer),
        weight_gradient_(context.gate.num_experts, *context.reducer),
        capacity_(context.gate.num_experts, config_.capacity_factor, config_.drop_policy) {}

  std::string_view name() const override { return "aux-loss"; }

  void revise(Routing& routing, std::int64_t) override { capacity_.drop(routing); }

  BalancingStep update(GateState& state, const GateBatch& batch) override {
    const auto size = static_cast<std::size_t>(batch.logits.num_rows() * batch.logits.num_cols());
    gradient_.resize(size);
    const std::span<const float> logits(size == 0 ? nullptr : batch.logits.row<float>(0), size);
    BalancingStep step;
    step.aux_loss = batch_loss_.evaluate(logits, batch.routing->topk_idx, gradient_);
    if (batch_loss_.num_tokens_global() == 0) return step;
    const auto change = weight_gradient_.compute(gradient_, batch.x, batch_loss_.num_tokens_global());
    float* weight = state.weight.rows().row<float>(0);
    const auto count = static_cast<std::int64_t>(change.size());
#pragma omp parallel for simd schedule(static)
    for (std::int64_t i = 0; i < count; ++i) {
      weight[i] = static_cast<float>(weight[i] - config_.learning_rate * change[static_cast<std::size_t>(i)]);
    }
    ++state.version;
    return step;
  }

  std::vector<Claim> check(const SchemeRecord& record) override {
    if (!can_check_loss(config_)) return {};
    return {check_loss(gate_, config_, reducer_, record)};
  }

 private:
  GateConfig gate_;
  AuxLossConfig config_;
  Reducer& reducer_;
  AuxLossBatch batch_loss_;
  WeightGradient weight_gradient_;
  CapacityLimiter capacity_;
  std::vector<double> gradient_;  // [T,E]
};

const Registration registration(
    scheme_registry(), {.name = "aux-loss",
                        .summary = "gradient of an auxiliary loss on the router's weights, optional capacity",
                        .priority = 0,
                        .unsupported_reason = {},
                        .make = [](const SchemeContext& context) { return std::make_unique<AuxLoss>(context); },
                        .missing_option = {}});

}  // namespace
}  // namespace moeperf
