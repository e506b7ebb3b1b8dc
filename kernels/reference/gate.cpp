// for t: for e: z[t,e] = fma chain over h of x[t,h]·W[e,h]; then select(z[t,:])

#include "kernels/reference/kernels.hpp"
#include "kernels/reference/select.hpp"

#include <cmath>

namespace moeperf::reference {
namespace {

class ReferenceGate final : public Gate {
 public:
  explicit ReferenceGate(const GateConfig& config) : config_(config) {}

  void forward(ConstRows x, const GateState& state, Rows* logits, Routing& routing) override {
    RowBuffer own(logits == nullptr ? x.num_rows() : 0, config_.num_experts, DType::f32);
    const Rows z = logits == nullptr ? own.rows() : *logits;
    const ConstRows w = state.weight.rows();
    visit_dtype(x.dtype(), [&](auto zero) {
      using Element = decltype(zero);
      for (std::int64_t t = 0; t < x.num_rows(); ++t) {
        for (std::int64_t e = 0; e < config_.num_experts; ++e) {
          float sum = 0;
          for (std::int64_t h = 0; h < x.num_cols(); ++h) {
            sum = std::fma(static_cast<float>(x.row<Element>(t)[h]), w.row<float>(e)[h], sum);
          }
          z.row<float>(t)[e] = sum;
        }
      }
    });
    select(z, state.bias, routing);
  }

  void select(ConstRows logits, std::span<const float> bias, Routing& routing) override {
    routing.resize(logits.num_rows(), config_.top_k);
    const auto k = static_cast<std::size_t>(config_.top_k);
    for (std::int64_t t = 0; t < logits.num_rows(); ++t) {
      const std::span<const float> row(logits.row<float>(t), static_cast<std::size_t>(config_.num_experts));
      const std::size_t at = static_cast<std::size_t>(t) * k;
      reference_select_row<float>(config_, row, bias, routing.topk_idx.host().subspan(at, k),
                                  routing.topk_weights.host().subspan(at, k));
    }
  }

 private:
  GateConfig config_;
};

}  // namespace

std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t) {
  return std::make_unique<ReferenceGate>(config);
}

}  // namespace moeperf::reference
