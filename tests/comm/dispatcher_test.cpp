// Conformance: whatever is registered delivers the same bits as a calculation without any exchange.
#include "comm/dispatcher.hpp"

#include "tests/catch.hpp"
#include "tests/comm/conformance_cases.hpp"
#include "tests/comm/single_exchange.hpp"
#include "tests/matrix.hpp"

namespace moeperf::test {
namespace {

DispatchContext context_of(const ExchangeCase& spec, Communicator& comm, KernelBackend& kernels) {
  DispatchContext context(&comm, &kernels, spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()),
                          spec.top_k);
  context.max_tokens = spec.most_tokens(comm.size());
  context.wire_format = spec.wire_format();
  return context;
}

enum class Halves : std::uint8_t { joined, split };

/// Dispatch, experts, combine. The first thing wrong on this rank.
std::optional<std::string> first_fault(SingleExchange& dispatcher, const ExchangeCase& spec, const Communicator& comm,
                                       bool identity, Halves halves = Halves::joined) {
  const std::int64_t first = spec.first_token(comm.rank(), comm.size());
  const std::int64_t count = spec.tokens(comm.rank(), comm.size());
  const RowBuffer x = spec.as_dispatched(spec.hidden_states(first, count));
  const Routing routing = spec.routing(first, count);
  if (halves == Halves::split) dispatcher.start_dispatch(x.rows(), routing);
  dispatcher.progress();
  const ReceivedTokens received =
      halves == Halves::split ? dispatcher.finish_dispatch() : dispatcher.dispatch(x.rows(), routing);
  // Expert outputs come from what should have arrived, so that a wrong dispatch does not end in a wild combine.
  const ExpectedTokens tokens = expected_tokens(spec, comm.rank(), comm.size());
  const RowBuffer dispatched = spec.as_dispatched(copy_of(tokens.rows.rows()));
  const auto wrong_tokens = difference(received, {dispatched.rows(), RowGroups::contiguous(tokens.offsets)});
  const Placement placement(spec.num_experts, comm.size());
  RowBuffer elsewhere = expert_out_of(tokens.view(), placement.first_expert(comm.rank()), identity);
  Rows expert_out = elsewhere.rows();
  if (const auto space = dispatcher.expert_out_space(); space && !wrong_tokens) {
    copy_rows(expert_out, *space);
    expert_out = *space;
  }
  RowBuffer out(count, spec.hidden, spec.dtype);
  if (out.rows().bytes() > 0) std::memset(out.rows().data(), 0x5a, static_cast<std::size_t>(out.rows().bytes()));
  if (halves == Halves::split) {
    dispatcher.start_combine(expert_out);
    dispatcher.progress();
    dispatcher.finish_combine(out.rows());
  } else {
    dispatcher.combine(expert_out, out.rows());
  }
  if (wrong_tokens) return "dispatch: " + *wrong_tokens;
  const auto wrong_sum = difference(out.rows(), expected_sum(spec, comm, dispatcher.combine_order(), identity).rows());
  if (wrong_sum) return "combine: " + *wrong_sum;
  return std::nullopt;
}

/// The same on every rank, so that none waits for one that gave up.
void require_no_fault(const Communicator& comm, const std::optional<std::string>& fault) {
  INFO("rank " << comm.rank() << ": " << fault.value_or("no fault here"));
  REQUIRE(comm.all(!fault.has_value()));
}

/// One of several variants of a case that take turns in a thin matrix.
struct Variant {
  std::size_t index = 0, of = 1;
};

/// Calls `body` with every kernel backend and dispatcher that can run here; in a thin matrix (tests/matrix.hpp) the
/// backends take turns, too.
void with_every_dispatcher(Communicator& comm, const ExchangeCase& spec,
                           const std::function<void(SingleExchange&)>& body, Variant variant = {}) {
  std::vector<KernelRegistry::Entry> backends;
  for (const auto& backend : kernel_registry().entries()) {
    if (!kernel_registry().why_not(backend, {})) backends.push_back(backend);
  }
  for (std::size_t b = 0; b < backends.size(); ++b) {
    const auto& backend = backends[b];
    const auto kernels = backend.make({});
    const DispatchContext context = context_of(spec, comm, *kernels);
    std::size_t step = spec.number;
    for (const auto& entry : dispatcher_registry().entries()) {
      if (!in_turn(step++, variant.index + variant.of * b, variant.of * backends.size())) continue;
      if (dispatcher_registry().why_not(entry, context)) continue;
      INFO("dispatcher " << entry.name << ", kernels " << backend.name << ", case '" << spec.name << "', "
                         << name(spec.dtype) << ", " << comm.size() << " ranks");
      SingleExchange dispatcher(entry.make(context));
      body(dispatcher);
    }
  }
}

TEST_CASE("the dispatchers are registered, the flat collective is taken by default") {
  Communicator comm(MPI_COMM_SELF);
  const auto kernels = kernel_registry().make("reference", {});
  const DispatchContext context = context_of({}, comm, *kernels);
  REQUIRE_FALSE(dispatcher_registry().why_not(dispatcher_registry().at("reference"), context).has_value());
  REQUIRE(dispatcher_registry().at("reference").priority == 0);
  REQUIRE(dispatcher_registry().at("mpi-alltoallv").priority == 10);
  for (const char* optional : {"ucx-put", "ucx-am"}) {
    const auto& entry = dispatcher_registry().at(optional);
    INFO(optional);
    REQUIRE((entry.make || dispatcher_registry().why_not(entry, context)->find("not compiled in") == 0));
  }
}

TEST_CASE("every dispatcher delivers and sums what it should", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  for (ExchangeCase spec : all_cases()) {
    for (const std::size_t type : {0, 1}) {
      spec.dtype = type == 0 ? DType::f32 : DType::bf16;
      with_every_dispatcher(
          comm, spec,
          [&](SingleExchange& dispatcher) { require_no_fault(comm, first_fault(dispatcher, spec, comm, false)); },
          {type, 2});
    }
  }
}

TEST_CASE("dispatchers that can split deliver the same in two halves", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  for (const ExchangeCase& spec : all_cases()) {
    with_every_dispatcher(comm, spec, [&](SingleExchange& dispatcher) {
      if (!dispatcher.can_overlap()) return;
      for (int repeat = 0; repeat < 2; ++repeat) {
        require_no_fault(comm, first_fault(dispatcher, spec, comm, false, Halves::split));
      }
      require_no_fault(comm, first_fault(dispatcher, spec, comm, false, Halves::joined));
    });
  }
}

TEST_CASE("every dispatcher delivers and sums what it should across nodes", "[mpi]") {
  const int num_layouts = std::min(Communicator(MPI_COMM_WORLD).size() - 1, 3);
  for (int layout = 0; layout < num_layouts; ++layout) {
    const int ranks_per_node = layout + 1;
    Communicator comm(MPI_COMM_WORLD, ranks_per_node);
    REQUIRE(comm.num_nodes() > 1);
    for (const ExchangeCase& spec : all_cases()) {
      const auto body = [&](SingleExchange& dispatcher) {
        INFO(ranks_per_node << " ranks per node");
        require_no_fault(comm, first_fault(dispatcher, spec, comm, false));
      };
      with_every_dispatcher(comm, spec, body,
                            {static_cast<std::size_t>(layout), static_cast<std::size_t>(num_layouts)});
    }
  }
}

TEST_CASE("rows encoded for the wire travel out as they are, whatever their length", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  ExchangeCase spec;
  spec.num_experts = 13;
  spec.top_k = 3;
  spec.drop_percent = 10;
  spec.tokens = [](int rank, int) { return 5 + 3 * rank; };
  for (const std::int64_t wire_bytes : {1, 37, 8197}) {
    spec.wire_bytes = wire_bytes;
    with_every_dispatcher(comm, spec, [&](SingleExchange& dispatcher) {
      INFO(wire_bytes << " bytes on the wire");
      require_no_fault(comm, first_fault(dispatcher, spec, comm, false));
      if (!dispatcher.can_overlap()) return;
      require_no_fault(comm, first_fault(dispatcher, spec, comm, false, Halves::split));
    });
  }
}

TEST_CASE("experts that change nothing give the weighted sum of the token itself", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  ExchangeCase spec;
  spec.num_experts = 12;
  spec.top_k = 5;
  with_every_dispatcher(comm, spec, [&](SingleExchange& dispatcher) {
    require_no_fault(comm, first_fault(dispatcher, spec, comm, true));
  });
}

TEST_CASE("batches may grow and shrink from call to call", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  ExchangeCase spec;
  spec.num_experts = 10;
  spec.top_k = 3;
  const auto tokens_of = [](std::int64_t tokens) {
    return [tokens](int rank, int) { return tokens * (rank % 3) + tokens / 2; };
  };
  spec.tokens = tokens_of(200);  // the most of any batch, which some dispatchers must know beforehand
  with_every_dispatcher(comm, spec, [&](SingleExchange& dispatcher) {
    for (const std::int64_t tokens : {4, 60, 0, 7, 200, 1, 200}) {
      ExchangeCase batch = spec;
      batch.tokens = tokens_of(tokens);
      batch.seed = static_cast<std::uint64_t>(tokens) + 3;
      require_no_fault(comm, first_fault(dispatcher, batch, comm, false));
    }
  });
}

TEST_CASE("a dispatch may be repeated before its combine", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const ExchangeCase spec;
  with_every_dispatcher(comm, spec, [&](SingleExchange& dispatcher) {
    const std::int64_t first = spec.first_token(comm.rank(), comm.size());
    const std::int64_t count = spec.tokens(comm.rank(), comm.size());
    const RowBuffer x = spec.hidden_states(first, count);
    const Routing routing = spec.routing(first, count);
    const ExpectedTokens want = expected_tokens(spec, comm.rank(), comm.size());
    std::optional<std::string> fault;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const auto found = difference(dispatcher.dispatch(x.rows(), routing), want.view());
      if (!fault) fault = found;
    }
    const RowBuffer expert_out =
        expert_out_of(want.view(), Placement(spec.num_experts, comm.size()).first_expert(comm.rank()), true);
    RowBuffer out(count, spec.hidden, spec.dtype);
    for (int repeat = 0; repeat < 2; ++repeat) {
      dispatcher.combine(expert_out.rows(), out.rows());
      const auto found = difference(out.rows(), expected_sum(spec, comm, dispatcher.combine_order(), true).rows());
      if (!fault) fault = found;
    }
    require_no_fault(comm, fault);
  });
}

TEST_CASE("no bytes are booked before the first exchange", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  with_every_dispatcher(comm, {}, [&](SingleExchange& dispatcher) {
    for (const WireBytes wire : {dispatcher.dispatch_bytes(), dispatcher.combine_bytes()}) {
      REQUIRE(comm.all(wire.self == 0 && wire.intra == 0 && wire.inter == 0));
    }
  });
}

}  // namespace
}  // namespace moeperf::test
