#pragma once

#include "comm/wire_dispatcher.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace moeperf {

/// What a wire and a dispatcher's order of sums make of single tokens, without any exchange and by the reference
/// kernels: what an exchange is verified against, bit for bit. Local.
class WireReference {
 public:
  /// `rows`: the model's. `reference`: the kernels that are the oracle; they outlive this.
  WireReference(KernelBackend& reference, RowFormat rows, WireType wire, CombineOrder order, const Placement& placement,
                std::span<const int> node_of_rank);

  /// row [1,H] of x → arrived [1,H], as its experts get it.
  void arrive(ConstRows row, Rows arrived);

  /// expert_out [K,H] → out [1,H]; the rest as in CombineReference::sum.
  void sum(ConstRows expert_out, std::span<const std::int32_t> topk_idx, std::span<const float> weights, Rows out);

  /// How far rounding on the way back can take a sum from Σ_k w_k·a_k, as a fraction of Σ_k |w_k·a_k| (overflow and
  /// subnormal numbers aside): 0 unless f32 expert outputs go back as bf16.
  double sum_error_bound() const;

 private:
  std::unique_ptr<Permuter> permuter_;
  std::unique_ptr<RowCodec> codec_;
  CombineOrder order_;
  CombineReference combine_;
  bool recodes_expert_out_, narrows_expert_out_;
  RowBuffer encoded_, expert_out_, sum_;
};

}  // namespace moeperf
