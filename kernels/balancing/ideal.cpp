#include "kernels/balancing/scheme.hpp"

#include <algorithm>

namespace moeperf {
namespace {

/// The upper bound: local token t's k-th choice is expert (t·K + k + offset) mod E with equal weights.
/// Offsets differ by rank, so that no two ranks send to the same expert first.
class Ideal final : public BalancingScheme {
 public:
  explicit Ideal(const SchemeContext& context) : gate_(context.gate), num_ranks_(context.reducer->num_ranks()) {
    const std::int64_t rank = context.reducer->rank();
    offset_ = rank * gate_.num_experts / num_ranks_;
  }

  std::string_view name() const override { return "ideal"; }
  bool changes_router() const override { return false; }
  bool replaces_choice() const override { return true; }

  bool revises() const override { return true; }
  void revise(Routing& routing, std::int64_t) override {
    std::int64_t next = offset_;
    for (std::int32_t& expert : routing.topk_idx) {
      expert = static_cast<std::int32_t>(next % gate_.num_experts);
      ++next;
    }
    const double weight = gate_.routed_scale / routing.top_k;
    std::fill(routing.topk_weights.begin(), routing.topk_weights.end(), static_cast<float>(weight));
  }

  RouterChange update(const GateBatch&, SchemeMemory&) override { return {}; }

  std::vector<Claim> check(const SchemeRecord& record) override {
    Claim even{"no expert gets more than another but for one copy from each rank"};
    for (std::int64_t step = 0; step < record.num_steps(); ++step) {
      const auto [least, most] = std::ranges::minmax(record.load_of(step));
      even.require(most - least <= num_ranks_);
    }
    return {even};
  }

 private:
  GateConfig gate_;
  std::int64_t num_ranks_ = 1;
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
