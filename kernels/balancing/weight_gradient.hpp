#pragma once

#include "kernels/base/reducer.hpp"
#include "kernels/base/view.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// dW[e,h] = Σ_t dz[t,e]·x[t,h] over the tokens of all ranks, bit-identical for any number of ranks
/// and threads: dz and x are rounded to integers small enough that every partial sum stays exact in
/// double. x keeps 12 bits relative to its largest magnitude (a bf16 value has 8), dz what is left of
/// 53: 24 bits up to 128 Ki tokens.
class WeightGradient {
 public:
  WeightGradient(std::int64_t num_experts, Reducer& reducer) : num_experts_(num_experts), reducer_(reducer) {}

  /// Collective. gradient [T,E], x [T,H] → dW [E,H], valid until the next call; T may be 0.
  std::span<const double> compute(std::span<const double> gradient, ConstRows x, std::int64_t num_tokens_global);

 private:
  void pack(std::span<const double> gradient, std::int64_t num_tokens, double scale);
  template <class Element>
  void multiply(ConstRows x, double scale);

  std::int64_t num_experts_;
  Reducer& reducer_;
  std::vector<double> packed_;  // dz as integers, [E/4 rounded up][T][4]
  std::vector<double> sum_;     // [E,H]
};

}  // namespace moeperf
