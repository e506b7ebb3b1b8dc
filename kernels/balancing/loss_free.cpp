// Auxiliary-loss-free balancing (Wang et al., arXiv 2408.15664; DeepSeek-V3, arXiv 2412.19437 §2.1.2):
//
//   for each expert i:  b_i += u · sign(c̄ − c_i),   c_i counted over the whole global batch
//
// No gradient, no dropped token.

#include "kernels/balancing/loss_free.hpp"

#include "kernels/balancing/loss_free_check.hpp"
#include "kernels/balancing/scheme.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace moeperf {
namespace {

class LossFree final : public BalancingScheme {
 public:
  explicit LossFree(const SchemeContext& context)
      : config_{context.settings.real("bias_rate"), context.settings.choice<BiasRule>("bias_rule"),
                context.settings.flag("center")},
        reducer_(*context.reducer),
        load_(static_cast<std::size_t>(context.gate.num_experts)),
        delta_(static_cast<std::size_t>(context.gate.num_experts)) {}

  std::string_view name() const override { return "loss-free"; }
  bool has_bias() const override { return true; }

  RouterChange update(const GateBatch& batch, SchemeMemory&) override {
    count_globally(*batch.routing);
    const std::int64_t total = std::accumulate(load_.begin(), load_.end(), std::int64_t{0});
    if (total == 0) return {};
    compute_delta(total);
    return {.bias = delta_};
  }

  std::vector<Claim> check(const SchemeRecord& record) override { return {check_bias(config_, record)}; }

 private:
  void count_globally(const Routing& routing) {
    std::fill(load_.begin(), load_.end(), 0);
    for (const std::int32_t expert : routing.topk_idx) {
      if (expert >= 0) ++load_[static_cast<std::size_t>(expert)];
    }
    reducer_.sum(std::span(load_));
  }

  void compute_delta(std::int64_t total) {
    const auto num_experts = static_cast<std::int64_t>(load_.size());
    const double u = config_.bias_rate;
    for (std::size_t i = 0; i < load_.size(); ++i) {
      // E·(c̄ − c_i) as an integer: an expert exactly at the mean must not move.
      const std::int64_t missing = total - num_experts * load_[i];
      if (config_.bias_rule == BiasRule::sign) {
        delta_[i] = missing > 0 ? u : missing < 0 ? -u : 0.0;
      } else {
        delta_[i] = u * static_cast<double>(missing) / static_cast<double>(total);
      }
    }
    if (!config_.center) return;
    const double mean = std::accumulate(delta_.begin(), delta_.end(), 0.0) / static_cast<double>(num_experts);
    for (double& delta : delta_) delta -= mean;
  }

  LossFreeConfig config_;
  Reducer& reducer_;
  std::vector<std::int64_t> load_;
  std::vector<double> delta_;
};

const Registration registration(
    scheme_registry(),
    {.name = "loss-free",
     .summary = "selection bias moved against the global load, no auxiliary loss",
     .priority = 0,
     .unsupported_reason = {},
     .make = [](const SchemeContext& context) { return std::make_unique<LossFree>(context); },
     .missing_option = {},
     .traits = {.settings = {real_setting("bias_rate", "step u of the bias", 0.001, factor_range),
                             choice_setting("bias_rule", "how the bias moves", "sign", {"sign", "proportional"}),
                             flag_setting("center", "subtract the mean of the bias' step", false)}}});

}  // namespace
}  // namespace moeperf
