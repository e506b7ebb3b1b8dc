#pragma once

#include "kernels/base/view.hpp"
#include "kernels/permute.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// A copy as the token's rank describes it to the expert's.
struct CopyLabel {
  std::int32_t expert = -1;
  float weight = 0;
};

/// Rows that a rank holds once and that stand for several copies for its experts: expansion to one row per copy,
/// grouped by local expert, and, for the expert outputs, reduction to one partial sum per row (CombineOrder::ranks).
/// Which copies a row stands for is a table [R,width] that the owner fills by k ascending; unused places are −1. The
/// order within a group is that of the rows. Local; a repeated shape allocates nothing beyond the permuter.
class LocalCopies {
 public:
  /// `permuter` outlives this; `width` at least the most copies of a row.
  LocalCopies(Permuter& permuter, std::int32_t num_local_experts, std::int32_t width)
      : permuter_(permuter), num_local_experts_(num_local_experts), width_(width) {}

  /// R rows without copies, to be filled.
  void reset(std::int64_t num_rows);
  std::int32_t width() const { return width_; }
  std::span<std::int32_t> experts() { return experts_; }  ///< [R,width], local
  std::span<float> weights() { return weights_; }         ///< [R,width]
  /// Sorts the copies once the table is filled.
  void group();

  std::int64_t num_rows() const { return grouping_.num_tokens; }
  std::int64_t num_copies() const { return grouping_.num_rows(); }
  std::span<const std::int64_t> offsets() const { return grouping_.offsets.host(); }  ///< [L+1], of copies
  std::span<const std::int64_t> source_of_copy() const {
    return grouping_.token_of_row.host();
  }  ///< [N], in grouped order

  /// expert_out [N,H] in grouped order → partials [count,H]: Σ weight · expert output of the copies of each row of
  /// [first, first + count), with a table [R,width] of weights: weights(), or others.
  void reduce(ConstRows expert_out, std::span<const float> table, std::int64_t first, std::int64_t count,
              Rows partials);

 private:
  Permuter& permuter_;
  std::int32_t num_local_experts_, width_;
  std::vector<std::int32_t> experts_;
  std::vector<float> weights_;
  PermutePlan grouping_;
};

}  // namespace moeperf
