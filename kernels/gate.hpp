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

/// What changes between steps: the router's weights, the selection bias, and what a balancing scheme itself must
/// remember, such as a momentum. In host memory: kernels whose memory is another keep a copy of the weights by version.
struct GateState {
  RowBuffer weight;           ///< W [E, H], f32
  std::vector<float> bias;    ///< b [E], f32; added to the scores for selection only
  std::uint64_t version = 0;  ///< raised by whoever changes `weight`, so that packed copies are renewed
  std::map<std::string, std::vector<float>> extra{};  ///< the scheme's own, by its own names; gates ignore it
};

inline GateState copy_of(const GateState& state) {
  return {copy_of(state.weight.rows()), state.bias, state.version, state.extra};
}

/// What a gate's backward pass is given and yields, in the backend's memory; rows are f32 unless stated.
struct GateBackward {
  ConstRows x;                         ///< [T,H] of the forward pass, f32 or bf16
  ConstRows logits;                    ///< [T,E] of the forward pass
  const Routing* routing = nullptr;    ///< of the forward pass; dropped copies have no gradient
  View<const float> weights_gradient;  ///< [T,K], of the loss with respect to the weights of the choice
  ConstRows logits_gradient;           ///< [T,E] that comes from elsewhere (an auxiliary loss); no rows: none
  Rows x_gradient;                     ///< [T,H] in x's type, written
  Rows router_gradient;                ///< [E,H], added to: the sum over this rank's tokens
};

/// Decides which experts each token goes to (the router). Local, no communication; ordered on the backend's queue.
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

  /// x [T,H] in f32 or bf16 → logits [T,E] f32 and `routing` [T,K], all in the backend's memory.
  /// T may be 0. `logits` may be null when the caller does not need them.
  virtual void forward(ConstRows x, const GateState& state, Rows* logits, Routing& routing) = 0;

  /// The selection alone, from given logits [T,E] f32 and bias [E], which is the host's.
  virtual void select(ConstRows logits, std::span<const float> bias, Routing& routing) = 0;

  // Training. Only where has_backward(); others throw UnsupportedError.
  virtual bool has_backward() const { return false; }
  /// From the weights of the choice back through normalisation and scores (the choice itself has no gradient, and the
  /// bias none at all) to the logits, and from there to x and W.
  virtual void backward(const GateState& state, const GateBackward& pass);
};

}  // namespace moeperf
