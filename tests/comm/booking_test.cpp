// The bytes that dispatchers book, against two counts that know nothing of their code: the rows that the routing makes
// travel, and what MPI was handed.
#include "comm/booking.hpp"

#include "comm/forwarding_dispatcher.hpp"
#include "tests/catch.hpp"
#include "tests/comm/conformance_cases.hpp"
#include "tests/comm/mpi_sends.hpp"
#include "tests/comm/single_exchange.hpp"

#include <set>

namespace moeperf::test {
namespace {

/// One round trip after the other, of one case.
class RoundTrip {
 public:
  RoundTrip(const ExchangeCase& spec, Communicator& comm, KernelBackend& kernels)
      : comm_(comm),
        context_(&comm, &kernels, spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()), spec.top_k),
        routing_(spec.routing(first(spec), count(spec))),
        x_(spec.as_dispatched(spec.hidden_states(first(spec), count(spec)))),
        out_(count(spec), spec.hidden, spec.dtype) {
    context_.max_tokens = spec.most_tokens(comm.size());
    context_.wire_format = spec.wire_format();
  }

  const DispatchContext& context() const { return context_; }
  const Routing& routing() const { return routing_; }

  void go(SingleExchange& dispatcher) {
    const ReceivedTokens received = dispatcher.dispatch(std::as_const(x_).rows(), routing_);
    handed_out = take_mpi_sends(comm_);
    RowBuffer expert_out(received.rows.num_rows(), context_.combine_format());
    if (expert_out.rows().bytes() > 0) {
      std::memset(expert_out.rows().data(), 0, static_cast<std::size_t>(expert_out.rows().bytes()));
    }
    take_mpi_sends(comm_);
    dispatcher.combine(expert_out.rows(), out_.rows());
    handed_back = take_mpi_sends(comm_);
  }

  WireBytes handed_out, handed_back;  ///< to MPI by this rank in the last round trip

 private:
  std::int64_t first(const ExchangeCase& spec) const { return spec.first_token(comm_.rank(), comm_.size()); }
  std::int64_t count(const ExchangeCase& spec) const { return spec.tokens(comm_.rank(), comm_.size()); }

  Communicator& comm_;
  DispatchContext context_;
  Routing routing_;
  RowBuffer x_, out_;
};

struct MpiAgreement {
  bool holds = true;
  bool mpi_carries_rows = false;
};

/// Whether what MPI was handed and what was booked can both be, for one kind of destination. Where MPI carries the rows
/// they are the same on every rank. Others (stores into a node's memory, UCX) hand it less, but never more than they
/// book.
MpiAgreement agreement(const Communicator& comm, std::int64_t handed, std::int64_t booked, std::int64_t rows) {
  const bool mpi_carries_rows = rows > 0 && comm.sum(handed) >= rows;
  return {comm.all(mpi_carries_rows ? handed == booked : handed <= booked), mpi_carries_rows};
}

MpiAgreement agreement(const Communicator& comm, const WireBytes& handed, const WireBytes& booked,
                       const BookingBounds& bounds) {
  const MpiAgreement intra = agreement(comm, handed.intra, booked.intra, bounds.least.intra);
  const MpiAgreement inter = agreement(comm, handed.inter, booked.inter, bounds.least.inter);
  return {intra.holds && inter.holds, intra.mpi_carries_rows || inter.mpi_carries_rows};
}

std::vector<ExchangeCase> booked_cases() {
  std::vector<ExchangeCase> cases;
  for (ExchangeCase& spec : all_cases()) {
    if (spec.hidden <= 24) cases.push_back(spec);
  }
  ExchangeCase encoded;
  encoded.name = "rows encoded for the wire";
  encoded.wire_bytes = 37;
  cases.push_back(encoded);
  return cases;
}

TEST_CASE("every dispatcher books the rows that the routing makes travel, and what it hands to MPI", "[mpi]") {
  const auto kernels = kernel_registry().make("reference", {});
  std::set<std::string> carried_by_mpi;
  for (const int ranks_per_node : {0, 1, 2, 3}) {
    Communicator comm(MPI_COMM_WORLD, ranks_per_node);
    for (const ExchangeCase& spec : booked_cases()) {
      RoundTrip trip(spec, comm, *kernels);
      for (const auto& entry : dispatcher_registry().entries()) {
        if (dispatcher_registry().why_not(entry, trip.context())) continue;
        INFO("dispatcher " << entry.name << ", case '" << spec.name << "', " << comm.size() << " ranks, "
                           << comm.num_nodes() << " nodes");
        SingleExchange dispatcher(entry.make(trip.context()));
        for (int round = 0; round < 2; ++round) trip.go(dispatcher);  // the first also sets up what is kept
        const auto fault = booking_fault(dispatcher.row_rule(), dispatcher.handle(), trip.routing(), trip.context());
        INFO(fault.value_or("nothing wrong in the rows"));
        REQUIRE_FALSE(fault);
        const ExchangeBounds bounds = booking_bounds(dispatcher.row_rule(), trip.routing(), trip.context());
        const auto out = agreement(comm, trip.handed_out, dispatcher.dispatch_bytes(), bounds.dispatch);
        const auto back = agreement(comm, trip.handed_back, dispatcher.combine_bytes(), bounds.combine);
        REQUIRE(out.holds);
        REQUIRE(back.holds);
        if (out.mpi_carries_rows && back.mpi_carries_rows) carried_by_mpi.insert(entry.name);
      }
    }
  }
  // That the calls are seen at all.
  if (Communicator(MPI_COMM_WORLD).size() > 1) {
    for (const char* name : {"mpi-alltoallv", "mpi-pairwise", "mpi-allgather", "reference"}) {
      INFO(name);
      REQUIRE(carried_by_mpi.contains(name));
    }
  }
}

using Lie = WireBytes (*)(WireBytes);

/// Books something else than the honest dispatcher inside.
class Liar final : public ForwardingDispatcher {
 public:
  Liar(std::unique_ptr<Dispatcher> honest, Lie out, Lie back)
      : ForwardingDispatcher(std::move(honest)), out_(out), back_(back) {}

  std::unique_ptr<Dispatch> make_dispatch() override {
    struct LyingDispatch final : ForwardingDispatch {
      LyingDispatch(std::unique_ptr<Dispatch> honest, Lie of_out, Lie of_back)
          : ForwardingDispatch(std::move(honest)), out(of_out), back(of_back) {}
      WireBytes dispatch_bytes() const override { return out(ForwardingDispatch::dispatch_bytes()); }
      WireBytes combine_bytes() const override { return back(ForwardingDispatch::combine_bytes()); }
      Lie out, back;
    };
    return std::make_unique<LyingDispatch>(inner().make_dispatch(), out_, back_);
  }

 private:
  Lie out_, back_;
};

TEST_CASE("a dispatcher whose booked bytes are none, fewer, more or of another kind fails the check", "[mpi]") {
  const auto kernels = kernel_registry().make("reference", {});
  Communicator comm(MPI_COMM_WORLD, 2);
  ExchangeCase spec;
  spec.hidden = 512;
  RoundTrip trip(spec, comm, *kernels);
  const auto caught = [&](const char* name, Lie out, Lie back) {
    SingleExchange liar(std::make_unique<Liar>(dispatcher_registry().make(name, trip.context()), out, back));
    trip.go(liar);
    return booking_fault(liar.row_rule(), liar.handle(), trip.routing(), trip.context()).has_value();
  };
  const Lie honest = [](WireBytes bytes) { return bytes; };
  const std::vector<Lie> lies{[](WireBytes) { return WireBytes{}; },
                              [](WireBytes bytes) {
                                return WireBytes{bytes.self / 2, bytes.intra / 2, bytes.inter / 2};
                              },
                              [](WireBytes bytes) {
                                return WireBytes{2 * bytes.self, 2 * bytes.intra, 2 * bytes.inter};
                              },
                              [](WireBytes bytes) {
                                return WireBytes{bytes.self + bytes.intra + bytes.inter, 0, 0};
                              }};
  for (const char* name : {"reference", "mpi-alltoallv", "mpi-padded", "mpi-rank-dedup", "mpi-allgather"}) {
    INFO(name);
    REQUIRE_FALSE(caught(name, honest, honest));
    for (std::size_t lie = 0; lie < lies.size(); ++lie) {
      if (comm.size() == 1 && lie == 3) continue;  // alone, everything stays at home
      INFO("lie " << lie);
      REQUIRE(caught(name, lies[lie], honest));
      REQUIRE(caught(name, honest, lies[lie]));
    }
  }
}

}  // namespace
}  // namespace moeperf::test
