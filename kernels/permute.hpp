#pragma once

#include "kernels/base/view.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// A stable counting sort of copies by their key (an expert): copy c = t·K + k with key ≥ 0 goes to
/// row slot_of_copy[c]; rows of equal key keep the order of their copies. Keys −1 (dropped) get
/// slot −1. Rows of key e are [offsets[e], offsets[e+1]).
struct PermutePlan {
  std::int64_t num_tokens = 0;
  std::int32_t top_k = 0;
  std::vector<std::int64_t> offsets;        ///< [num_keys + 1]
  std::vector<std::int64_t> slot_of_copy;   ///< [T·K]
  std::vector<std::int64_t> token_of_slot;  ///< [N], N = offsets.back()

  std::int64_t num_slots() const { return offsets.empty() ? 0 : offsets.back(); }
};

/// Moves rows between token order and expert order. Local; synchronous with the backend's queue.
class Permuter {
 public:
  virtual ~Permuter() = default;

  /// topk_idx [T,K] → plan. Reuses the plan's memory: no allocation for a repeated shape.
  virtual void plan(std::span<const std::int32_t> topk_idx, std::int64_t num_tokens, std::int32_t top_k,
                    std::int32_t num_keys, PermutePlan& plan) = 0;

  /// out[i,:] = in[source[i],:] for every i; in [*,H], out [N,H], source [N]. The gather that packs
  /// (source = plan.token_of_slot) and regroups. Rows are copied bit for bit.
  virtual void gather(ConstRows in, std::span<const std::int64_t> source, Rows out) = 0;

  /// out[t,:] = Σ_k weights[t,k] · in[slot_of_copy[t,k],:], k ascending, one chain of binary32 fused
  /// multiply-adds from 0 per element, rounded once to out's element type. Slots of −1 are left out;
  /// a token with no slot gets zeros. in [N,H], slot_of_copy [T,K], weights [T,K], out [T,H].
  virtual void weighted_sum(ConstRows in, std::span<const std::int64_t> slot_of_copy, std::span<const float> weights,
                            std::int32_t top_k, Rows out) = 0;
};

}  // namespace moeperf
