#pragma once

#include "kernels/base/array.hpp"
#include "kernels/base/view.hpp"

#include <cstdint>

namespace moeperf {

/// A stable counting sort of copies by their key (an expert): copy c = t·K + k with key ≥ 0 goes to row row_of_copy[c];
/// rows of equal key keep the order of their copies. Keys −1 (dropped) get row −1. Rows of key e are [offsets[e],
/// offsets[e+1]). All lists are in the memory of one resource, that of the kernels that sort.
struct PermutePlan {
  explicit PermutePlan(MemoryResource& memory = host_memory())
      : offsets(memory), row_of_copy(memory), token_of_row(memory) {}

  std::int64_t num_tokens = 0;
  std::int32_t top_k = 0;
  Array<std::int64_t> offsets;       ///< [num_keys + 1]
  Array<std::int64_t> row_of_copy;   ///< [T·K]
  Array<std::int64_t> token_of_row;  ///< [N], N = offsets.back(); in device memory at least so many

  /// N, of a plan in host memory.
  std::int64_t num_rows() const { return offsets.empty() ? 0 : offsets.back(); }
};

/// Moves rows between token order and expert order. Local; ordered on the backend's queue. Rows and lists are in the
/// backend's memory.
class Permuter {
 public:
  virtual ~Permuter() = default;

  /// topk_idx [T,K] → plan. Reuses the plan's memory: no allocation for a repeated shape.
  virtual void plan(View<const std::int32_t> topk_idx, std::int64_t num_tokens, std::int32_t top_k,
                    std::int32_t num_keys, PermutePlan& plan) = 0;

  /// out[i,:] = in[source[i],:] for every i; in [*,H], out [N,H], source [N]. The gather that packs
  /// (source = plan.token_of_row) and regroups. Rows are copied bit for bit.
  virtual void gather(ConstRows in, View<const std::int64_t> source, Rows out) = 0;

  /// out[t,:] = Σ_k weights[t,k] · in[row_of_copy[t,k],:], k ascending, one chain of binary32 fused
  /// multiply-adds from 0 per element, rounded once to out's element type. Rows of −1 are left out;
  /// a token with no row gets zeros. in [N,H], row_of_copy [T,K], weights [T,K], out [T,H].
  virtual void weighted_sum(ConstRows in, View<const std::int64_t> row_of_copy, View<const float> weights,
                            std::int32_t top_k, Rows out) = 0;
};

}  // namespace moeperf
