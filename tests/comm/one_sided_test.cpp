// Dispatchers that write into other ranks' memory: nobody may be written to while he still reads, whoever is late.
#include "comm/dispatcher.hpp"

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"
#include "tests/comm/single_exchange.hpp"

#include <chrono>
#include <thread>

namespace moeperf::test {
namespace {

DispatchContext context_of(const ExchangeCase& spec, Communicator& comm, KernelBackend& kernels) {
  DispatchContext context(&comm, &kernels, spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()),
                          spec.top_k);
  context.max_tokens = spec.most_tokens(comm.size());
  return context;
}

/// One rank, now this and now that, comes late.
void dawdle(const ExchangeCase& spec, const Communicator& comm, int step) {
  if (spec.random(static_cast<std::uint64_t>(step), 77) % static_cast<std::uint32_t>(comm.size()) !=
      static_cast<std::uint32_t>(comm.rank())) {
    return;
  }
  std::this_thread::sleep_for(std::chrono::microseconds(spec.random(static_cast<std::uint64_t>(step), 78) % 3000));
}

/// `repeats` times a dispatch, once or several times, and its combine, once or several times, each with other tokens.
std::optional<std::string> first_fault_of_many(SingleExchange& dispatcher, const ExchangeCase& spec,
                                               const Communicator& comm, int repeats) {
  std::optional<std::string> fault;
  const auto keep = [&](const std::optional<std::string>& found) {
    if (!fault) fault = found;
  };
  int step = 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto draw = static_cast<std::uint64_t>(repeat);
    ExchangeCase batch = spec;
    const std::uint32_t dispatches = 1 + spec.random(draw, 1) % 3, combines = spec.random(draw, 2) % 4;
    RowBuffer x;
    Routing routing;
    ExpectedTokens want;
    for (std::uint32_t i = 0; i < dispatches; ++i) {
      batch.seed = 100 * spec.seed + 4 * draw + i;
      const std::int64_t first = batch.first_token(comm.rank(), comm.size());
      const std::int64_t count = batch.tokens(comm.rank(), comm.size());
      x = batch.hidden_states(first, count);
      routing = batch.routing(first, count);
      want = expected_tokens(batch, comm.rank(), comm.size());
      dawdle(spec, comm, step++);
      const ReceivedTokens received = dispatcher.dispatch(x.rows(), routing);
      dawdle(spec, comm, step++);
      keep(difference(received, want.view()));
    }
    for (std::uint32_t i = 0; i < combines; ++i) {
      const bool identity = i % 2 == 0;  // so that each brings other expert outputs
      const RowBuffer expert_out =
          expert_out_of(want.view(), Placement(spec.num_experts, comm.size()).first_expert(comm.rank()), identity);
      RowBuffer out(routing.num_tokens, spec.hidden, spec.dtype);
      dawdle(spec, comm, step++);
      dispatcher.combine(expert_out.rows(), out.rows());
      keep(difference(out.rows(), expected_sum(batch, comm, dispatcher.combine_order(), identity).rows()));
    }
  }
  return fault;
}

TEST_CASE("rows and expert outputs stay right whoever comes late and whatever is repeated", "[mpi]") {
  const auto kernels = kernel_registry().make("reference", {});
  ExchangeCase spec;
  spec.num_experts = 7;
  spec.top_k = 3;
  spec.hidden = 600;
  spec.tokens = [](int rank, int) { return rank % 3 == 2 ? 0 : 11 + rank; };
  for (const int ranks_per_node : {0, 2}) {
    Communicator comm(MPI_COMM_WORLD, ranks_per_node);
    const DispatchContext context = context_of(spec, comm, *kernels);
    for (const char* name : {"mpi-put", "mpi-low-latency"}) {
      INFO(name << ", " << comm.num_nodes() << " nodes");
      const auto& entry = dispatcher_registry().at(name);
      if (const auto reason = dispatcher_registry().why_not(entry, context)) {
        WARN("skipped: " << *reason);
        continue;
      }
      SingleExchange dispatcher(entry.make(context));
      const auto fault = first_fault_of_many(dispatcher, spec, comm, 12);
      INFO("rank " << comm.rank() << ": " << fault.value_or("no fault here"));
      REQUIRE(comm.all(!fault.has_value()));
    }
  }
}

}  // namespace
}  // namespace moeperf::test
