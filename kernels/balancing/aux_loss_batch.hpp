#pragma once

#include "kernels/balancing/aux_loss_math.hpp"
#include "kernels/base/exact_sum.hpp"
#include "kernels/base/reducer.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// The auxiliary loss of a batch that is spread over ranks, and its gradient by the logits:
///
///   L = Σ_units (T_unit / T_global) · L_unit  +  z_loss · mean_t logsumexp(z_t)²
///
/// with the units of AuxLossConfig::scope; sequences are cut from each rank's rows. With global scope
/// (and with sequences that no rank boundary cuts) value and gradient are bit-identical for any split
/// of the tokens over ranks; device and communication terms depend on the placement, hence on the
/// number of ranks, by definition.
class AuxLossBatch {
 public:
  AuxLossBatch(const GateConfig& gate, const AuxLossConfig& config, Reducer& reducer);

  /// Collective, with T = 0 too. logits [T,E], topk_idx [T,K] before drops → L, and ∂L/∂z [T,E] in
  /// `gradient`. A token whose first choice is −1 was not routed: it is padding, no token of any unit, and its
  /// gradient is 0; sequences are cut from the rows with their padding.
  template <class Real>
  double evaluate(std::span<const Real> logits, std::span<const std::int32_t> topk_idx, std::span<double> gradient);

  /// Tokens on all ranks at the last evaluate(), padding left out.
  std::int64_t num_tokens_global() const { return num_tokens_global_; }

 private:
  bool is_padding(std::span<const std::int32_t> topk_idx, std::int64_t token) const {
    return topk_idx[static_cast<std::size_t>(token * gate_.top_k)] < 0;
  }
  void prepare_units(std::int64_t num_rows, std::span<const std::int32_t> topk_idx);
  template <class Real>
  void sum_over_tokens(std::span<const Real> logits, std::span<const std::int32_t> topk_idx, std::span<double> slope,
                       const FixedPointGrid& grid);
  double losses_of_units(const FixedPointGrid& grid);
  template <class Real>
  double add_z_loss(std::span<const Real> logits, std::span<const std::int32_t> topk_idx, std::span<double> gradient);

  GateConfig gate_;
  AuxLossConfig config_;
  Reducer& reducer_;
  Placement placement_;
  std::int64_t num_rows_ = 0;  // local tokens and padding
  std::int64_t num_tokens_global_ = 0;
  std::int64_t unit_length_ = 1;         // local rows of a unit; the last may be shorter
  std::int64_t num_units_ = 0;           // of this rank
  std::size_t sums_length_ = 0;          // E counts, E sums of p, D counts, tokens
  std::vector<double> probability_;      // [T,E]
  std::vector<std::int64_t> unit_sums_;  // [units, sums_length_]
  std::vector<double> unit_slope_;       // [units, E]: ∂L/∂p
  std::vector<double> probability_sum_;  // [E] scratch
  std::vector<double> log_sum_exp_;      // [T]
};

}  // namespace moeperf
