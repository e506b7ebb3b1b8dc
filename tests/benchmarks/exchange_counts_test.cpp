#include "benchmarks/exchange_counts.hpp"

#include "tests/catch.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace moeperf {
namespace {

/// 20 tokens of 4 experts each among 13, some dropped.
Routing some_routing(int rank) {
  Routing routing;
  routing.resize(20, 4);
  for (std::int32_t i = 0; i < 80; ++i)
    routing.topk_idx.host()[static_cast<std::size_t>(i)] = i % 7 == 3 ? -1 : (i * 5 + i / 4 + rank) % 13;
  return routing;
}

TEST_CASE("rows of an exchange are counted as sets of pairs", "[mpi]") {
  for (const int ranks_per_node : {0, 1, 2}) {
    Communicator comm(MPI_COMM_WORLD, ranks_per_node);
    const Placement placement(13, comm.size());
    const Routing routing = some_routing(comm.rank());
    std::set<std::pair<int, int>> ranks, nodes;
    std::int64_t copies = 0, copies_other = 0;
    for (int i = 0; i < 80; ++i) {
      const std::int32_t expert = routing.topk_idx.host()[static_cast<std::size_t>(i)];
      if (expert < 0) continue;
      const int owner = placement.owner(expert);
      ++copies;
      copies_other += owner != comm.rank() ? 1 : 0;
      ranks.insert({i / 4, owner});
      nodes.insert({i / 4, comm.node_of_rank()[static_cast<std::size_t>(owner)]});
    }
    const auto others = [](const auto& pairs, int own) {
      return std::count_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.second != own; });
    };
    const ExchangeCounts counts = count_exchange(routing, placement, comm);
    REQUIRE(counts.copies == copies);
    REQUIRE(counts.copies_other_rank == copies_other);
    REQUIRE(counts.token_ranks == static_cast<std::int64_t>(ranks.size()));
    REQUIRE(counts.token_nodes == static_cast<std::int64_t>(nodes.size()));
    REQUIRE(counts.token_ranks_other == others(ranks, comm.rank()));
    REQUIRE(counts.token_nodes_other == others(nodes, comm.node()));
    CaseResult result;
    add_counts(counts, 10 + comm.rank(), 4, 128, comm, result);
    REQUIRE(result.metrics.at("padded_copies") == (10 + comm.size() - 1) * 4 * comm.size());
    REQUIRE(result.metrics.at("row_bytes") == 128);
    REQUIRE(result.metrics.at("copies") == static_cast<double>(comm.sum(copies)));
  }
}

}  // namespace
}  // namespace moeperf
