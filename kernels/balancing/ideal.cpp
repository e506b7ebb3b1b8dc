#include "kernels/balancing/scheme.hpp"

#include <algorithm>

namespace moeperf {
namespace {

/// The upper bound: local token t's k-th choice is expert (t·K + k + offset) mod E with equal weights.
/// Offsets differ by rank, so that no two ranks send to the same expert first.
class Ideal final : public BalancingScheme {
 public:
  explicit Ideal(const SchemeContext& context) : gate_(context.gate) {
    const std::int64_t rank = context.reducer->rank();
    offset_ = rank * gate_.num_experts / context.reducer->num_ranks();
  }

  std::string_view name() const override { return "ideal"; }
  bool changes_router() const override { return false; }
  bool replaces_choice() const override { return true; }

  void revise(Routing& routing, std::int64_t) override {
    std::int64_t next = offset_;
    for (std::int32_t& expert : routing.topk_idx) {
      expert = static_cast<std::int32_t>(next % gate_.num_experts);
      ++next;
    }
    const double weight = gate_.routed_scale / routing.top_k;
    std::fill(routing.topk_weights.begin(), routing.topk_weights.end(), static_cast<float>(weight));
  }

  BalancingStep update(GateState&, const GateBatch&) override { return {}; }

 private:
  GateConfig gate_;
  std::int64_t offset_ = 0;
};

const Registration registration(scheme_registry(),
                                {.name = "ideal",
                                 .summary = "perfect balance by round robin, whatever the router says: the upper bound",
                                 .priority = 0,
                                 .unsupported_reason = {},
                                 .make = [](const SchemeContext& context) { return std::make_unique<Ideal>(context); },
                                 .missing_option = {}});

}  // namespace
}  // namespace moeperf
