#pragma once

#include "kernels/backend.hpp"
#include "kernels/base/registry.hpp"
#include "kernels/placement.hpp"
#include "kernels/routing.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace moeperf {

class Communicator;  // comm/mpi/communicator.hpp

/// Bytes that left this rank in one exchange, row payload and metadata (counts, indices) together.
struct WireBytes {
  std::int64_t self = 0;   ///< stayed on the rank (copied, not sent)
  std::int64_t intra = 0;  ///< to other ranks of the same node
  std::int64_t inter = 0;  ///< to ranks of other nodes
};

/// What a rank holds after dispatch: copies of tokens, grouped by local expert.
struct ReceivedTokens {
  ConstRows rows;                         ///< [N,H]; rows of local expert e are [offsets[e], offsets[e+1])
  std::span<const std::int64_t> offsets;  ///< [L+1]
};

/// Sends each token to the ranks that hold its experts and brings the results back: the seam at
/// token level behind which every exchange algorithm lives.
///
/// dispatch and combine are collective over the communicator, in that order, and may be repeated.
/// Both return when this rank's result is complete. Within a group of received rows the order is by
/// global token index, so that results do not depend on the algorithm. Buffers grow to what the
/// largest batch so far needed and are then reused: a repeated batch allocates nothing.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  /// x [T,H] of this rank, `routing` [T,K] over all E experts; copies with index −1 are not sent. The
  /// result stays valid until the next dispatch. x and routing must stay unchanged until combine.
  virtual ReceivedTokens dispatch(ConstRows x, const Routing& routing) = 0;

  /// expert_out [N,H], row i the expert's answer to received row i → out [T,H]:
  /// out[t] = Σ_k topk_weights[t,k] · answer of copy (t,k), k ascending, accumulated in f32 as
  /// Permuter::weighted_sum defines it. A token all of whose copies were dropped gets zeros.
  virtual void combine(ConstRows expert_out, Rows out) = 0;

  /// Of the last dispatch and the last combine; zero before the first. Local.
  virtual WireBytes dispatch_bytes() const = 0;
  virtual WireBytes combine_bytes() const = 0;
};

struct DispatchContext {
  Communicator* comm = nullptr;      ///< outlives the dispatcher
  KernelBackend* kernels = nullptr;  ///< whose permuter packs and unpacks; outlives the dispatcher
  std::int64_t hidden = 0;           ///< H
  DType dtype = DType::bf16;         ///< of rows in and out
  std::int32_t num_experts = 0;      ///< E; placed by Placement(E, ranks)
  std::int32_t top_k = 0;            ///< K
};

using DispatcherRegistry = Registry<Dispatcher, DispatchContext>;
DispatcherRegistry& dispatcher_registry();

}  // namespace moeperf
