#include "tests/catch.hpp"
#include "tests/comm/counted_bytes.hpp"
#include "tests/comm/single_exchange.hpp"

namespace moeperf::test {
namespace {

/// The copies and, to each other rank, a flag: on a node a number of 8 bytes, and with it on the way out the first copy
/// and the count of each local expert, 4 bytes each; between nodes these alone.
CountedBytes low_latency_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const Placement placement(spec.num_experts, comm.size());
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  const std::int64_t most_local = (spec.num_experts + comm.size() - 1) / comm.size();
  CountedBytes counted;
  for (int source = 0; source < comm.size(); ++source) {
    const Routing routing = spec.routing(spec.first_token(source, comm.size()), spec.tokens(source, comm.size()));
    for (const std::int32_t expert : routing.topk_idx) {
      if (expert < 0) continue;
      if (source == comm.rank()) count(counted.dispatch, comm, placement.owner(expert), row_bytes);
      if (placement.owner(expert) == comm.rank()) count(counted.combine, comm, source, row_bytes);
    }
    if (source == comm.rank()) continue;
    const bool same_node = comm.node_of_rank()[static_cast<std::size_t>(source)] == comm.node();
    count(counted.dispatch, comm, source, (same_node ? 8 : 0) + (1 + most_local) * 4);
    count(counted.combine, comm, source, same_node ? 8 : 0);
  }
  return counted;
}

DispatchContext context_for(std::int64_t max_tokens, Communicator& comm, KernelBackend& kernels) {
  const ExchangeCase spec;
  DispatchContext context(&comm, &kernels, spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()),
                          spec.top_k);
  context.max_tokens = max_tokens;
  return context;
}

TEST_CASE("mpi-low-latency books its flags", "[mpi]") {
  const auto kernels = kernel_registry().make("reference", {});
  for (const int ranks_per_node : {0, 1, 2}) {
    Communicator comm(MPI_COMM_WORLD, ranks_per_node);
    const auto& entry = dispatcher_registry().at("mpi-low-latency");
    if (const auto reason = dispatcher_registry().why_not(entry, context_for(1, comm, *kernels))) {
      WARN("skipped: " << *reason);
      continue;
    }
    require_bytes("mpi-low-latency", low_latency_bytes, ranks_per_node);
  }
}

TEST_CASE("mpi-low-latency must know the largest batch and holds to it") {
  Communicator comm(MPI_COMM_SELF);
  const auto kernels = kernel_registry().make("reference", {});
  const ExchangeCase spec;
  const auto& entry = dispatcher_registry().at("mpi-low-latency");
  REQUIRE(dispatcher_registry().why_not(entry, context_for(0, comm, *kernels)).value() ==
          "needs to know the largest batch beforehand");
  SingleExchange dispatcher(entry.make(context_for(12, comm, *kernels)));
  const RowBuffer x = spec.hidden_states(0, 13);
  REQUIRE_THROWS_WITH(dispatcher.dispatch(x.rows(), spec.routing(0, 13)),
                      "mpi-low-latency has room for 12 tokens, rank 0 has 13");
  REQUIRE_NOTHROW(dispatcher.dispatch(x.rows().slice(0, 12), spec.routing(0, 12)));
}

TEST_CASE("the memory of mpi-low-latency is that of two slots per other rank and the expert outputs") {
  ExchangeVolume volume{.num_ranks = 8,
                        .max_tokens = 128,
                        .tokens_global = 1024,
                        .rows_sent = 1024,
                        .rows_received = 1500,
                        .largest_block = 200,
                        .local_experts = 32,
                        .row_bytes = 14336,
                        .top_k = 8};
  REQUIRE(extra_memory_bytes("mpi-low-latency", volume) == (2 * 7 * 128 * 8 + 2 * 2 * 128 * 8) * std::int64_t{14336});
  volume.local_experts = 2;
  REQUIRE(extra_memory_bytes("mpi-low-latency", volume) == (2 * 7 * 128 * 2 + 2 * 2 * 128 * 8) * std::int64_t{14336});
  volume.max_tokens = 1 << 20;  // more than 2^31 rows
  volume.local_experts = 256;
  volume.num_ranks = 512;
  REQUIRE(extra_memory_bytes("mpi-low-latency", volume) == (std::int64_t{1022} + 4) * (8 << 20) * 14336);
  volume.num_ranks = 1;
  REQUIRE(extra_memory_bytes("mpi-low-latency", volume) == 0);
}

}  // namespace
}  // namespace moeperf::test
