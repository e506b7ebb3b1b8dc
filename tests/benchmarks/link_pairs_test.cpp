#include "benchmarks/baselines/link_pairs.hpp"

#include "tests/catch.hpp"

namespace moeperf {
namespace {

TEST_CASE("partners name each other and lie where their class says", "[mpi]") {
  for (const int ranks_per_node : {0, 1, 2, 3}) {
    const Communicator comm(MPI_COMM_WORLD, ranks_per_node);
    for (const PairClass pair_class : {PairClass::intra, PairClass::inter}) {
      const LinkPartners own = link_partners(comm, pair_class);
      const auto all = comm.all_gather(own.all), alone = comm.all_gather(own.alone);
      int num_alone = 0;
      for (std::size_t rank = 0; rank < all.size(); ++rank) {
        if (all[rank] >= 0) {
          const auto partner = static_cast<std::size_t>(all[rank]);
          REQUIRE(all[partner] == static_cast<std::int64_t>(rank));
          const bool same_node = comm.node_of_rank()[rank] == comm.node_of_rank()[partner];
          REQUIRE(same_node == (pair_class == PairClass::intra));
        }
        if (alone[rank] >= 0) {
          ++num_alone;
          REQUIRE(alone[rank] == all[rank]);
        }
      }
      const bool any = has_pairs(comm, pair_class);
      REQUIRE(num_alone == (any ? 2 : 0));
      const bool expected = pair_class == PairClass::inter ? comm.num_nodes() > 1 : comm.ranks_of_node(0).size() > 1;
      REQUIRE(any == expected);
    }
  }
}

}  // namespace
}  // namespace moeperf
