#include "comm/dispatch/wire_bytes.hpp"

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"

#include <algorithm>
#include <map>

namespace moeperf::test {
namespace {

TEST_CASE("bytes are booked by how far they go") {
  const std::vector<int> node_of_rank{0, 0, 1, 1, 0};
  WireBytes wire;
  for (int destination = 0; destination < 5; ++destination) {
    book(wire, node_of_rank, 1, destination, std::int64_t{1} << destination);
  }
  REQUIRE(wire.self == 2);
  REQUIRE(wire.intra == 1 + 16);
  REQUIRE(wire.inter == 4 + 8);
}

/// Bytes that leave this rank, counted copy by copy, and after them those of the way back.
struct CountedBytes {
  WireBytes dispatch, combine;
};

void count(WireBytes& wire, const Communicator& comm, int destination, std::int64_t bytes) {
  const bool same_node = comm.node_of_rank()[static_cast<std::size_t>(destination)] == comm.node();
  (destination == comm.rank() ? wire.self : same_node ? wire.intra : wire.inter) += bytes;
}

CountedBytes alltoallv_bytes(const ExchangeCase& spec, const Communicator& comm) {
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

CountedBytes reference_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  const std::int64_t tokens = spec.tokens(comm.rank(), comm.size());
  const std::int64_t answers = expected_tokens(spec, comm.rank(), comm.size()).offsets.back();
  CountedBytes counted;
  for (int r = 0; r < comm.size(); ++r) {
    const std::int64_t size = r == comm.rank() ? 0 : 8;
    count(counted.dispatch, comm, r, tokens * (row_bytes + spec.top_k * 4) + size);
    count(counted.combine, comm, r, answers * row_bytes + size);
  }
  return counted;
}

/// Every rank sends slots of the largest block to everyone.
CountedBytes padded_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const Placement placement(spec.num_experts, comm.size());
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  std::int64_t slot = 0;
  CountedBytes counted;
  for (int source = 0; source < comm.size(); ++source) {
    const Routing routing = spec.routing(spec.first_token(source, comm.size()), spec.tokens(source, comm.size()));
    std::vector<std::int64_t> block(static_cast<std::size_t>(comm.size()));
    for (const std::int32_t expert : routing.topk_idx) {
      if (expert >= 0) ++block[static_cast<std::size_t>(placement.owner(expert))];
    }
    std::int64_t& own = block[static_cast<std::size_t>(source)];
    if (source == comm.rank()) counted.dispatch.self = counted.combine.self = own * row_bytes;
    own = 0;
    slot = std::max(slot, *std::max_element(block.begin(), block.end()));
  }
  const std::int64_t num_counts = (spec.num_experts + comm.size() - 1) / comm.size();
  for (int destination = 0; destination < comm.size(); ++destination) {
    if (destination == comm.rank()) continue;
    count(counted.dispatch, comm, destination, slot * row_bytes + num_counts * 8);
    count(counted.combine, comm, destination, slot * row_bytes);
  }
  return counted;
}

/// A row to each other node of a token, by the rank of the same place there; inside a node whoever has an expert reads
/// it from the rank that carries it, and the choices of all that it carries.
CountedBytes two_level_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const Placement placement(spec.num_experts, comm.size());
  const std::vector<int>& node_of_rank = comm.node_of_rank();
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  const std::int64_t choices_bytes = spec.top_k * 8;
  const auto node_of = [&](int rank) { return node_of_rank[static_cast<std::size_t>(rank)]; };
  const auto ranks_of = [&](int node) {
    std::vector<int> ranks;
    for (int r = 0; r < comm.size(); ++r) {
      if (node_of(r) == node) ranks.push_back(r);
    }
    return ranks;
  };
  const auto carrier_of = [&](int source, int node) {
    if (node_of(source) == node) return source;
    const std::vector<int> here = ranks_of(node_of(source)), there = ranks_of(node);
    const auto place = static_cast<std::size_t>(std::find(here.begin(), here.end(), source) - here.begin());
    return there[place % there.size()];
  };
  CountedBytes counted;
  for (int r = 0; r < comm.size(); ++r) {
    if (r != comm.rank()) count(counted.dispatch, comm, r, comm.num_nodes() * 4);
  }
  for (int source = 0; source < comm.size(); ++source) {
    const std::int64_t num_tokens = spec.tokens(source, comm.size());
    const Routing routing = spec.routing(spec.first_token(source, comm.size()), num_tokens);
    for (std::int64_t t = 0; t < num_tokens; ++t) {
      std::map<int, std::vector<int>> owners;  // of the token's copies, by node
      for (std::int64_t copy = t * spec.top_k; copy < (t + 1) * spec.top_k; ++copy) {
        const std::int32_t expert = routing.topk_idx[static_cast<std::size_t>(copy)];
        if (expert < 0) continue;
        const int owner = placement.owner(expert);
        owners[node_of(owner)].push_back(owner);
      }
      for (const auto& [node, ranks] : owners) {
        const int carrier = carrier_of(source, node);
        if (node != node_of(source)) {
          if (source == comm.rank()) count(counted.dispatch, comm, carrier, row_bytes + choices_bytes);
          if (carrier == comm.rank()) count(counted.combine, comm, source, row_bytes);
        }
        for (const int owner : ranks) {
          if (carrier == comm.rank()) count(counted.dispatch, comm, owner, row_bytes);
          if (owner == comm.rank()) count(counted.combine, comm, carrier, row_bytes);
        }
        for (const int reader : ranks_of(node)) {
          if (carrier == comm.rank() && reader != carrier) count(counted.dispatch, comm, reader, choices_bytes);
        }
      }
    }
  }
  return counted;
}

bool equal(const WireBytes& a, const WireBytes& b) {
  return a.self == b.self && a.intra == b.intra && a.inter == b.inter;
}

void require_bytes(const char* dispatcher_name, CountedBytes (*counted_bytes)(const ExchangeCase&, const Communicator&),
                   int ranks_per_node = 0) {
  Communicator comm(MPI_COMM_WORLD, ranks_per_node);
  const auto kernels = kernel_registry().make("reference", {});
  ExchangeCase spec;
  spec.num_experts = 13;
  spec.top_k = 4;
  spec.drop_percent = 20;
  spec.tokens = [](int rank, int) { return 4 + rank; };
  const DispatchContext context{&comm, kernels.get(), spec.hidden, spec.dtype, spec.num_experts, spec.top_k};
  const auto dispatcher = dispatcher_registry().make(dispatcher_name, context);
  for (const std::uint64_t seed : {1, 2}) {
    spec.seed = seed;
    const std::int64_t first = spec.first_token(comm.rank(), comm.size());
    const std::int64_t num_tokens = spec.tokens(comm.rank(), comm.size());
    const RowBuffer x = spec.hidden_states(first, num_tokens);
    const Routing routing = spec.routing(first, num_tokens);
    const ReceivedTokens received = dispatcher->dispatch(x.rows(), routing);
    RowBuffer out(num_tokens, spec.hidden, spec.dtype);
    dispatcher->combine(received.rows, out.rows());
    const CountedBytes counted = counted_bytes(spec, comm);
    REQUIRE(comm.all(equal(dispatcher->dispatch_bytes(), counted.dispatch)));
    REQUIRE(comm.all(equal(dispatcher->combine_bytes(), counted.combine)));
    // What all sent out in dispatch comes back in combine.
    const WireBytes back = dispatcher->combine_bytes();
    REQUIRE(comm.sum(back.self + back.intra + back.inter) > 0);
  }
}

TEST_CASE("the flat dispatchers book exactly the copies and counts they send", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto kernels = kernel_registry().make("reference", {});
  for (const char* name : {"mpi-alltoallv", "mpi-pairwise", "mpi-persistent"}) {
    INFO(name);
    const auto& entry = dispatcher_registry().at(name);
    if (dispatcher_registry().why_not(entry, {&comm, kernels.get(), 24, DType::bf16, 13, 4})) continue;
    require_bytes(name, alltoallv_bytes);
  }
}

TEST_CASE("mpi-padded books its padding", "[mpi]") { require_bytes("mpi-padded", padded_bytes); }

TEST_CASE("mpi-two-level books a row for each pair of a token and another node", "[mpi]") {
  for (const int ranks_per_node : {0, 1, 2, 3}) require_bytes("mpi-two-level", two_level_bytes, ranks_per_node);
}

TEST_CASE("between nodes mpi-two-level sends fewer rows than there are copies", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD, 2);
  if (comm.num_nodes() == 1) return;
  ExchangeCase spec;
  spec.num_experts = 64;
  spec.top_k = 8;
  spec.hidden = 512;
  spec.tokens = [](int, int) { return 200; };
  const auto inter = [&](CountedBytes counted) { return comm.sum(counted.dispatch.inter + counted.combine.inter); };
  REQUIRE(inter(two_level_bytes(spec, comm)) < inter(alltoallv_bytes(spec, comm)));
}

TEST_CASE("reference books everything to everybody", "[mpi]") { require_bytes("reference", reference_bytes); }

}  // namespace
}  // namespace moeperf::test
