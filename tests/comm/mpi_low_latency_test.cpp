#include "tests/catch.hpp"
#include "tests/comm/counted_bytes.hpp"

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

TEST_CASE("mpi-low-latency books its flags", "[mpi]") {
  for (const int ranks_per_node : {0, 1, 2}) {
    Communicator comm(MPI_COMM_WORLD, ranks_per_node);
    const auto kernels = kernel_registry().make("reference", {});
    DispatchContext context(&comm, kernels.get(), 24, DType::bf16, 13, 4);
    context.max_tokens = 1;
    const auto& entry = dispatcher_registry().at("mpi-low-latency");
    if (const auto reason = dispatcher_registry().why_not(entry, context)) {
      WARN("skipped: " << *reason);
      continue;
    }
    require_bytes("mpi-low-latency", low_latency_bytes, ranks_per_node);
  }
}

}  // namespace
}  // namespace moeperf::test
