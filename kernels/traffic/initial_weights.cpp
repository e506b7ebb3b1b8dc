#include "kernels/traffic/initial_weights.hpp"
#include "kernels/traffic/pattern.hpp"
#include "kernels/traffic/random_rows.hpp"

#include <cmath>

namespace moeperf {
namespace {

/// Row r of `out` is the row of item first_item + r, with variance 1/num_cols.
void fill_rows(std::uint64_t seed, RandomStream stream, std::uint64_t first_item, Rows out) {
  const auto factor = static_cast<float>(1.0 / std::sqrt(static_cast<double>(out.num_cols())));
  visit_dtype(out.dtype(), [&](auto zero) {
    using Element = decltype(zero);
#pragma omp parallel for schedule(static)
    for (std::int64_t r = 0; r < out.num_rows(); ++r) {
      fill_random_row(seed, stream, first_item + static_cast<std::uint64_t>(r), factor, nullptr, out.num_cols(),
                      out.row<Element>(r));
    }
  });
}

}  // namespace

GateState initial_gate_state(const ModelShape& model, std::uint64_t seed) {
  GateState state;
  state.weight = RowBuffer(model.gate.num_experts, model.hidden, DType::f32);
  state.bias.assign(static_cast<std::size_t>(model.gate.num_experts), 0.0f);
  fill_rows(seed, RandomStream::gate_weight, 0, state.weight.rows());
  return state;
}

void fill_expert_matrix(std::uint64_t seed, std::int32_t expert, ExpertMatrix matrix, Rows out) {
  // Rows of one matrix never reach 2^32, so matrices and experts have disjoint items.
  const std::uint64_t item =
      (std::uint64_t{static_cast<std::uint32_t>(expert)} << 34) | (static_cast<std::uint64_t>(matrix) << 32);
  fill_rows(seed, RandomStream::expert_weight, item, out);
}

}  // namespace moeperf
