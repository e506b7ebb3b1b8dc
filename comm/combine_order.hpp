#pragma once

#include "kernels/base/buffer.hpp"
#include "kernels/permute.hpp"
#include "kernels/placement.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace moeperf {

/// How a combine associates a token's weighted sum. Floating-point addition is not associative, and an algorithm that
/// reduces expert outputs before they travel cannot add them in the same order as one that brings all of them home, so
/// each dispatcher names its order, and within one order all dispatchers deliver the same bits.
///
///   copies: one chain of f32 fused multiply-adds over k ascending, rounded once to the rows' type
///   ranks:  such a chain for each rank that holds any of the token's experts, rounded to the rows' type (as it
///           travels), and the sum of these partial sums in f32, ranks ascending, rounded once more
///   nodes:  the same with nodes for ranks
enum class CombineOrder : std::uint8_t { copies, ranks, nodes };
std::string_view name(CombineOrder order);

/// The definition above as code, token by token: what combine is verified against. Local.
class CombineReference {
 public:
  /// `permuter` takes host rows and outlives this.
  CombineReference(CombineOrder order, const Placement& placement, std::span<const int> node_of_rank,
                   Permuter& permuter, RowFormat format);

  /// expert_out [K,H]: row k that of copy k, anything where topk_idx[k] is −1. topk_idx, weights [K]. out [1,H].
  void sum(ConstRows expert_out, std::span<const std::int32_t> topk_idx, std::span<const float> weights, Rows out);

 private:
  /// What partial sum the copies of an expert belong to.
  int part_of(std::int32_t expert) const;

  CombineOrder order_;
  Placement placement_;
  std::vector<int> node_of_rank_;
  Permuter& permuter_;
  RowBuffer partials_;
};

}  // namespace moeperf
