#pragma once

#include "kernels/base/buffer.hpp"
#include "kernels/routing.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace moeperf {

/// What a balancing scheme changes between steps: the router's weights, the selection bias, and what the scheme itself
/// must remember, such as a momentum.
struct GateState {
  RowBuffer weight;           ///< W [E, H], f32
  std::vector<float> bias;    ///< b [E], f32; added to the scores for selection only
  std::uint64_t version = 0;  ///< raised by whoever changes `weight`, so that packed copies are renewed
  std::map<std::string, std::vector<float>> extra{};  ///< the scheme's own, by its own names; gates ignore it
};

inline GateState copy_of(const GateState& state) {
  return {copy_of(state.weight.rows()), state.bias, state.version, state.extra};
}

/// Decides which experts each token goes to (the router). Local, no communication; synchronous with
/// the backend's queue.
///
/// Semantics (all CPU backends agree bit for bit, for any number of tokens, threads or ranks):
///  - logits z[t,e] = one chain of binary32 fused multiply-adds over h = 0 … H-1, ascending,
///    starting from 0;
///  - scores s by score_row() of kernels/scores.hpp;
///  - selection by s + b, groups and ties as in GateConfig (the lower expert or group id wins);
///    excluded groups count as −inf;
///  - weights from the unbiased s.
class Gate {
 public:
  virtual ~Gate() = default;

  /// x [T,H] in f32 or bf16, in the backend's memory space → logits [T,E] f32 and `routing` [T,K].
  /// T may be 0. `logits` may be null when the caller does not need them.
  virtual void forward(ConstRows x, const GateState& state, Rows* logits, Routing& routing) = 0;

  /// The selection alone, from given logits [T,E] f32 and bias [E].
  virtual void select(ConstRows logits, std::span<const float> bias, Routing& routing) = 0;
};

}  // namespace moeperf
