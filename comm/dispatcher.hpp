#pragma once

#include "comm/combine_order.hpp"
#include "comm/row_rule.hpp"
#include "kernels/backend.hpp"
#include "kernels/base/registry.hpp"
#include "kernels/placement.hpp"
#include "kernels/routing.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moeperf {

class Communicator;  // comm/mpi/communicator.hpp

/// Bytes that left this rank in one exchange, row payload and metadata (counts, indices) together.
struct WireBytes {
  std::int64_t self = 0;   ///< stayed on the rank (copied, not sent)
  std::int64_t intra = 0;  ///< to other ranks of the same node
  std::int64_t inter = 0;  ///< to ranks of other nodes

  WireBytes& operator+=(const WireBytes& other) {
    self += other.self;
    intra += other.intra;
    inter += other.inter;
    return *this;
  }
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
  /// out[t] = Σ_k topk_weights[t,k] · answer of copy (t,k), accumulated in f32 in the order that
  /// combine_order() names. A token all of whose copies were dropped gets zeros.
  virtual void combine(ConstRows expert_out, Rows out) = 0;

  /// How combine associates its sums; those of one order are the same bits for every dispatcher. Local.
  virtual CombineOrder combine_order() const { return CombineOrder::copies; }

  /// Which rows travel; what dispatch_bytes() and combine_bytes() are held against (comm/booking.hpp). Local.
  virtual RowRule row_rule() const = 0;

  /// How rows get from the memory they live in (that of DispatchContext::kernels) into the exchange and back, in words
  /// for the report. Local.
  virtual std::string row_path() const { return "host"; }

  /// Memory [N,H] for the answers to the rows last received, from which combine need not copy; nothing where one
  /// place is as good as another. Valid until the next dispatch. Local.
  virtual std::optional<Rows> answer_space() { return std::nullopt; }

  // The same in two halves, between which the rank may compute: start_dispatch, finish_dispatch, start_combine,
  // finish_combine, each collective. Several dispatchers, each on a communicator of its own, may be under way at once
  // as long as all ranks call them in the same order. progress() moves what is under way and never waits. Only where
  // can_split(); others throw Error.
  virtual bool can_split() const { return false; }
  virtual void start_dispatch(ConstRows x, const Routing& routing);
  virtual ReceivedTokens finish_dispatch();
  virtual void start_combine(ConstRows expert_out);  ///< expert_out must stay unchanged until finish_combine
  virtual void finish_combine(Rows out);
  virtual void progress() {}

  /// Of the last dispatch and the last combine; zero before the first. Local.
  virtual WireBytes dispatch_bytes() const = 0;
  virtual WireBytes combine_bytes() const = 0;
};

/// What a dispatcher is made for.
struct DispatchContext {
  DispatchContext() = default;
  DispatchContext(Communicator* ranks, KernelBackend* backend, std::int64_t row_length, DType element,
                  std::int32_t experts, std::int32_t k)
      : comm(ranks), kernels(backend), hidden(row_length), dtype(element), num_experts(experts), top_k(k) {}

  Communicator* comm = nullptr;      ///< outlives the dispatcher
  KernelBackend* kernels = nullptr;  ///< whose permuter packs and unpacks; outlives the dispatcher
  std::int64_t hidden = 0;           ///< H
  DType dtype = DType::bf16;         ///< of answers and sums, and of tokens unless wire_format says otherwise
  std::int32_t num_experts = 0;      ///< E; placed by Placement(E, ranks)
  std::int32_t top_k = 0;            ///< K
  /// T of the rank and batch that has most, the same on all ranks; 0: not known beforehand.
  std::int64_t max_tokens = 0;
  /// What rows travel as, where it is not their own type: for make_dispatcher, which wraps a WireDispatcher around the
  /// dispatcher then. Dispatchers themselves go by the formats below.
  std::optional<WireType> wire;
  /// Of dispatched rows, where it is not that of the answers.
  std::optional<RowFormat> wire_format;

  RowFormat dispatch_format() const { return wire_format.value_or(combine_format()); }
  RowFormat combine_format() const { return {hidden, dtype}; }
};

using DispatcherRegistry = Registry<Dispatcher, DispatchContext>;
DispatcherRegistry& dispatcher_registry();

/// The named dispatcher, with context.wire around it. Throws UserError (unknown) or UnsupportedError (with reason).
/// Collective.
std::unique_ptr<Dispatcher> make_dispatcher(std::string_view name, const DispatchContext& context);

/// How much a run exchanges on its most loaded rank, for estimates of memory before anything is allocated.
struct ExchangeVolume {
  int num_ranks = 1;
  std::int64_t max_tokens = 0;     ///< T of the rank that has most
  std::int64_t tokens_global = 0;  ///< of all ranks
  std::int64_t rows_sent = 0;      ///< copies of that rank's tokens
  std::int64_t rows_received = 0;  ///< copies for its experts
  std::int64_t largest_block = 0;  ///< rows from one rank to one other
  std::int64_t local_experts = 0;  ///< L
  std::int64_t row_bytes = 0;
  std::int32_t top_k = 0;  ///< K
};

/// Bytes that a dispatcher holds per rank beyond what the flat ones do: the copies sent, twice the copies received.
using DispatcherMemory = std::int64_t (*)(const ExchangeVolume&);

/// A static one of these at the end of a dispatcher's file makes it known. Where rows are in device memory and the
/// entry refuses them, but would take rows on the host, they are staged (comm/staged_dispatcher.hpp).
struct DispatcherRegistration {
  explicit DispatcherRegistration(DispatcherRegistry::Entry entry, DispatcherMemory extra_bytes = nullptr);
};

/// What the named dispatcher's DispatcherMemory says; 0 without one.
std::int64_t extra_memory_bytes(std::string_view dispatcher, const ExchangeVolume& volume);

}  // namespace moeperf
