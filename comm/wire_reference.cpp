#include "comm/wire_reference.hpp"

#include <cmath>
#include <utility>

namespace moeperf {

WireReference::WireReference(KernelBackend& reference, RowFormat rows, WireType wire, CombineOrder order,
                             const Placement& placement, std::span<const int> node_of_rank)
    : permuter_(reference.make_permuter()),
      codec_(reference.make_row_codec(wire)),
      order_(order),
      combine_(order, placement, node_of_rank, *permuter_, {rows.num_cols, combine_dtype(rows.dtype, wire)}),
      recodes_expert_out_(combine_dtype(rows.dtype, wire) != rows.dtype),
      narrows_expert_out_(recodes_expert_out_ && wire == WireType::bf16),
      encoded_(1, wire_format(rows.num_cols, wire)),
      expert_out_(0, rows.num_cols, combine_dtype(rows.dtype, wire)),
      sum_(1, rows.num_cols, combine_dtype(rows.dtype, wire)) {}

void WireReference::arrive(ConstRows row, Rows arrived) {
  codec_->encode(row, encoded_.rows());
  codec_->decode(encoded_.rows(), arrived);
}

void WireReference::sum(ConstRows expert_out, std::span<const std::int32_t> topk_idx, std::span<const float> weights,
                        Rows out) {
  if (!recodes_expert_out_) return combine_.sum(expert_out, topk_idx, weights, out);
  expert_out_.resize(expert_out.num_rows());
  codec_->encode(expert_out, expert_out_.rows());
  combine_.sum(expert_out_.rows(), topk_idx, weights, sum_.rows());
  codec_->decode(sum_.rows(), out);
}

double WireReference::sum_error_bound() const {
  if (!narrows_expert_out_) return 0;
  // Each expert output is rounded once before it is added, and so is what it was added to: partial sums, then the sum.
  // Each rounding to bf16's 8 bits moves a value by less than 2^-8 of it.
  const int roundings = order_ == CombineOrder::copies ? 2 : 3;
  return std::pow(1 + 0x1p-8, roundings) - 1;
}

}  // namespace moeperf
