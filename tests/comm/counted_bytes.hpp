#pragma once

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"
#include "tests/comm/single_exchange.hpp"

namespace moeperf::test {

/// Bytes that leave this rank, counted copy by copy, and after them those of the way back.
struct CountedBytes {
  WireBytes dispatch, combine;
};

inline void count(WireBytes& wire, const Communicator& comm, int destination, std::int64_t bytes) {
  const bool same_node = comm.node_of_rank()[static_cast<std::size_t>(destination)] == comm.node();
  (destination == comm.rank() ? wire.self : same_node ? wire.intra : wire.inter) += bytes;
}

inline CountedBytes alltoallv_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const Placement placement(spec.num_experts, comm.size());
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  CountedBytes counted;
  for (int source = 0; source < comm.size(); ++source) {
    const Routing routing = spec.routing(spec.first_token(source, comm.size()), spec.tokens(source, comm.size()));
    for (const std::int32_t expert : routing.topk_idx) {
      if (expert < 0) continue;
      if (source == comm.rank()) count(counted.dispatch, comm, placement.owner(expert), row_bytes);
      if (placement.owner(expert) == comm.rank()) count(counted.combine, comm, source, row_bytes);
    }
    const std::int64_t num_counts = (spec.num_experts + comm.size() - 1) / comm.size();
    if (source != comm.rank()) count(counted.dispatch, comm, source, num_counts * 8);
  }
  return counted;
}

inline bool equal(const WireBytes& a, const WireBytes& b) {
  return a.self == b.self && a.intra == b.intra && a.inter == b.inter;
}

inline void require_bytes(const char* dispatcher_name,
                          CountedBytes (*counted_bytes)(const ExchangeCase&, const Communicator&),
                          int ranks_per_node = 0) {
  Communicator comm(MPI_COMM_WORLD, ranks_per_node);
  const auto kernels = kernel_registry().make("reference", {});
  ExchangeCase spec;
  spec.num_experts = 13;
  spec.top_k = 4;
  spec.drop_percent = 20;
  spec.tokens = [](int rank, int) { return 4 + rank; };
  DispatchContext context(&comm, kernels.get(), spec.hidden, spec.dtype, Placement(spec.num_experts, comm.size()),
                          spec.top_k);
  context.max_tokens = spec.most_tokens(comm.size());
  SingleExchange dispatcher(dispatcher_registry().make(dispatcher_name, context));
  for (const std::uint64_t seed : {1, 2}) {
    spec.seed = seed;
    const std::int64_t first = spec.first_token(comm.rank(), comm.size());
    const std::int64_t num_tokens = spec.tokens(comm.rank(), comm.size());
    const RowBuffer x = spec.hidden_states(first, num_tokens);
    const Routing routing = spec.routing(first, num_tokens);
    const ReceivedTokens received = dispatcher.dispatch(x.rows(), routing);
    RowBuffer out(num_tokens, spec.hidden, spec.dtype);
    dispatcher.combine(received.rows, out.rows());
    const CountedBytes counted = counted_bytes(spec, comm);
    REQUIRE(comm.all(equal(dispatcher.dispatch_bytes(), counted.dispatch)));
    REQUIRE(comm.all(equal(dispatcher.combine_bytes(), counted.combine)));
    // What all sent out in dispatch comes back in combine.
    const WireBytes back = dispatcher.combine_bytes();
    REQUIRE(comm.sum(back.self + back.intra + back.inter) > 0);
  }
}

}  // namespace moeperf::test
