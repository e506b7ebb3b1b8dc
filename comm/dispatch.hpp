#pragma once

#include "comm/combine_weights.hpp"
#include "comm/wire_bytes.hpp"
#include "kernels/routing.hpp"
#include "kernels/row_groups.hpp"

#include <cstdint>
#include <optional>

namespace moeperf {

/// What a rank holds after dispatch: copies of tokens, grouped by local expert.
struct ReceivedTokens {
  ConstRows rows;    ///< [N,H]
  RowGroups groups;  ///< of them, by local expert
};

/// Whether a rank computes between the two halves of an exchange. Where it does not, the first half may do all of it.
enum class Overlap : std::uint8_t { none, wanted };

/// One routing's way to its experts and back: the handle of a dispatcher, which outlives it. Any number may be alive,
/// one for each layer of a model; at most one exchange of a dispatcher is under way at a time, from start to finish.
///
/// plan() tells the ranks what is to come (counts), once for all exchanges along the routing: dispatches of the tokens
/// and of other rows of the same format, such as gradients, and combines with any weights. Each may be repeated.
/// dispatch and the combine without weights are each other's adjoints: ⟨dispatch(x), y⟩ = ⟨x, combine(y)⟩.
///
/// All calls but progress and those marked local are collective over the dispatcher's communicator, in the same order
/// on all ranks. Within a group of received rows the order is by global token index, so that results do not depend on
/// the algorithm. Rows, routing and weights are in the memory of DispatchContext::kernels and what is delivered is
/// ordered on their queue. Buffers grow to what the largest batch so far needed and are then reused: a repeated batch
/// allocates nothing.
class Dispatch {
 public:
  virtual ~Dispatch() = default;

  /// `routing` [T,K] over the physical experts of the placement; copies with index −1 are not sent. It must stay
  /// unchanged as long as exchanges go along it. May be called again, for another batch.
  virtual void plan(const Routing& routing) = 0;

  /// rows [T,·] of this rank, in DispatchContext::dispatch_format(); unchanged until the exchange is finished.
  virtual void start_dispatch(ConstRows rows, Overlap overlap = Overlap::wanted) = 0;
  /// What it returns stays valid until the dispatcher is called for another handle, or for another dispatch or plan.
  virtual ReceivedTokens finish_dispatch() = 0;

  /// expert_out [N,H], row i the expert output of received row i; unchanged until the exchange is finished.
  virtual void start_combine(ConstRows expert_out, const CombineWeights& weights = {},
                             Overlap overlap = Overlap::wanted) = 0;
  /// out [T,H]: out[t] = Σ_k weights[t,k] · expert output of copy (t,k), accumulated in f32 in the order that
  /// Dispatcher::combine_order() names. A token all of whose copies were dropped gets zeros.
  virtual void finish_combine(Rows out) = 0;

  /// Moves what is under way and never waits.
  virtual void progress() {}

  /// Memory [N,H] for the expert outputs of the rows last received, from which combine need not copy; nothing where one
  /// place is as good as another. Valid as long as these rows are. Local.
  virtual std::optional<Rows> expert_out_space() { return std::nullopt; }

  /// Of the last dispatch, with what its plan sent if it was the first along it, and the last combine; zero before the
  /// first. Local.
  virtual WireBytes dispatch_bytes() const = 0;
  virtual WireBytes combine_bytes() const = 0;

  ReceivedTokens dispatch(ConstRows rows) {
    start_dispatch(rows, Overlap::none);
    return finish_dispatch();
  }
  void combine(ConstRows expert_out, Rows out, const CombineWeights& weights = {}) {
    start_combine(expert_out, weights, Overlap::none);
    finish_combine(out);
  }
};

}  // namespace moeperf
