// Auxiliary-loss balancing (Shazeer et al. 2017, GShard, Switch; device and communication terms of
// DeepSeek-V2): the gradient of the loss of aux_loss_math.hpp pulls on the router's weights, and experts over capacity
// drop copies when a capacity factor is set.

#include "kernels/balancing/aux_loss_batch.hpp"
#include "kernels/balancing/aux_loss_check.hpp"
#include "kernels/balancing/capacity.hpp"
#include "kernels/balancing/scheme.hpp"

#include <vector>

namespace moeperf {
namespace {

std::vector<Setting> settings() {
  return {
      real_setting("alpha", "coefficient of the expert-level loss", 0.001, factor_range),
      real_setting("device_alpha", "coefficient of the device-level loss (DeepSeek-V2)", 0, factor_range),
      real_setting("communication_alpha", "coefficient of the communication-level loss (DeepSeek-V2)", 0, factor_range),
      real_setting("z_loss", "coefficient of the mean over tokens of logsumexp(logits)^2", 0, factor_range),
      choice_setting("scope", "tokens that share one loss", "global_batch",
                     {"sequence", "local_batch", "global_batch"}),
      integer_setting("sequence_length", "tokens of a sequence; 0: the rank's whole batch", 0, at_least(0),
                      "a number of tokens, or 0 for the rank's whole batch"),
      real_setting("capacity_factor", "copies over factor*K*T/E per expert and rank are dropped; 0: none are", 0,
                   at_least(0)),
      choice_setting("drop_policy", "which copies go first: the lightest, or the last to come", "probability",
                     {"probability", "position"})};
}

AuxLossConfig config_of(const Settings& settings) {
  return {.alpha = settings.real("alpha"),
          .device_alpha = settings.real("device_alpha"),
          .communication_alpha = settings.real("communication_alpha"),
          .z_loss = settings.real("z_loss"),
          .scope = settings.choice<AuxScope>("scope"),
          .sequence_length = settings.integer("sequence_length")};
}

class AuxLoss final : public BalancingScheme {
 public:
  explicit AuxLoss(const SchemeContext& context)
      : gate_(context.gate),
        config_(config_of(context.settings)),
        reducer_(*context.reducer),
        batch_loss_(context.gate, config_, *context.reducer),
        capacity_(context.gate.num_experts, context.settings.real("capacity_factor"),
                  context.settings.choice<DropPolicy>("drop_policy")) {}

  std::string_view name() const override { return "aux-loss"; }
  bool has_loss() const override { return true; }

  bool revises() const override { return capacity_.drops(); }
  void revise(Routing& routing, std::int64_t) override { capacity_.drop(routing); }

  RouterChange update(const GateBatch& batch, SchemeMemory&) override {
    RouterChange change;
    batch.with_logits([&](auto logits) {
      gradient_.resize(logits.size());
      change.loss = batch_loss_.evaluate(logits, batch.routing->topk_idx, gradient_);
    });
    change.logit_gradient = gradient_;
    change.gradient_tokens = batch_loss_.num_tokens_global();
    return change;
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
  CapacityLimiter capacity_;
  std::vector<double> gradient_;  // [T,E]
};

const Registration registration(
    scheme_registry(), {.name = "aux-loss",
                        .summary = "gradient of an auxiliary loss on the router's weights, optional capacity",
                        .priority = 0,
                        .unsupported_reason = {},
                        .make = [](const SchemeContext& context) { return std::make_unique<AuxLoss>(context); },
                        .missing_option = {},
                        .traits = {.settings = settings()}});

}  // namespace
}  // namespace moeperf
