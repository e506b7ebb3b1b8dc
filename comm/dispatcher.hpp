#pragma once

#include "comm/combine_order.hpp"
#include "comm/dispatch.hpp"
#include "comm/row_rule.hpp"
#include "kernels/backend.hpp"
#include "kernels/base/registry.hpp"
#include "kernels/placement.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace moeperf {

class Communicator;  // comm/mpi/communicator.hpp

/// Sends each token to the ranks that hold its experts and brings the results back: the seam at token level behind
/// which every exchange algorithm lives. What it keeps (memory that is registered or shared, connections) serves all
/// its handles. The easy way to a new algorithm, where one message per pair of ranks will do: a RowExchange
/// (comm/dispatch/row_exchange.hpp) in a flat dispatcher.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;

  /// A handle to plan. Local.
  virtual std::unique_ptr<Dispatch> make_dispatch() = 0;

  /// A handle with a plan. Collective.
  std::unique_ptr<Dispatch> plan(const Routing& routing) {
    auto dispatch = make_dispatch();
    dispatch->plan(routing);
    return dispatch;
  }

  /// How combine associates its sums; those of one order are the same bits for every dispatcher. Local.
  virtual CombineOrder combine_order() const { return CombineOrder::copies; }

  /// Which rows travel; what dispatch_bytes() and combine_bytes() are held against (comm/booking.hpp). Local.
  virtual RowRule row_rule() const = 0;

  /// How rows get from the memory they live in (that of DispatchContext::kernels) into the exchange and back, in words
  /// for the report; every copy to the host is named. Local.
  virtual std::string row_path() const { return "host"; }

  /// Whether exchanges go on between start and finish. Several dispatchers, each on a communicator of its own, may then
  /// be under way at once as long as all ranks call them in the same order. Local.
  virtual bool can_overlap() const { return false; }
};

/// What a dispatcher is made for.
struct DispatchContext {
  DispatchContext() = default;
  DispatchContext(Communicator* ranks, KernelBackend* backend, std::int64_t row_length, DType element,
                  const Placement& experts, std::int32_t k)
      : comm(ranks), kernels(backend), hidden(row_length), dtype(element), placement(experts), top_k(k) {}

  Communicator* comm = nullptr;      ///< outlives the dispatcher
  KernelBackend* kernels = nullptr;  ///< whose permuter packs and unpacks; outlives the dispatcher
  /// For rows on the host where those of `kernels` are on a device: dispatchers are staged only with these.
  KernelBackend* host_kernels = nullptr;
  std::int64_t hidden = 0;    ///< H
  DType dtype = DType::bf16;  ///< of expert outputs and sums, and of tokens unless wire_format says otherwise
  Placement placement;        ///< of the physical experts, over the ranks of `comm`
  std::int32_t top_k = 0;     ///< K
  /// T of the rank and batch that has most, the same on all ranks; 0: not known beforehand.
  std::int64_t max_tokens = 0;
  /// What rows travel as, where it is not their own type: for make_dispatcher, which wraps a WireDispatcher around the
  /// dispatcher then. Dispatchers themselves go by the formats below.
  std::optional<WireType> wire;
  /// Of dispatched rows, where it is not that of the expert outputs.
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
