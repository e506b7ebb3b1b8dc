#include "tests/catch.hpp"
#include "tests/comm/counted_bytes.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace moeperf::test {
namespace {

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
    if (r != comm.rank()) count(counted.dispatch, comm, r, comm.num_nodes() * 8);  // of rows and of copies
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

}  // namespace
}  // namespace moeperf::test
