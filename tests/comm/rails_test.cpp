#include "comm/dispatch/rails.hpp"

#include "tests/catch.hpp"

#include <algorithm>

namespace moeperf::test {
namespace {

TEST_CASE("every source has one carrier on every node, the sources know it", "[mpi]") {
  for (const int ranks_per_node : {0, 1, 2, 3}) {
    const Communicator comm(MPI_COMM_WORLD, ranks_per_node);
    const Rails rails(comm, Placement(7, comm.size()));
    bool right = true;
    for (int source = 0; source < comm.size(); ++source) {
      const int carrier = rails.carrier(source, comm.node());
      right = right && comm.node_of_rank()[static_cast<std::size_t>(carrier)] == comm.node();
      const bool own_node = comm.node_of_rank()[static_cast<std::size_t>(source)] == comm.node();
      right = right && (!own_node || carrier == source);
      const auto& sources = rails.sources();
      const bool listed = std::find(sources.begin(), sources.end(), source) != sources.end();
      right = right && listed == (!own_node && carrier == comm.rank());
    }
    REQUIRE(comm.all(right));
  }
}

TEST_CASE("experts of a node are numbered by rank and expert", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD, 2);
  const Placement placement(11, comm.size());
  const Rails rails(comm, placement);
  bool right = rails.node_expert(-1) == -1;
  std::int32_t next = 0;
  for (std::int32_t expert = 0; expert < 11; ++expert) {  // ranks of a node are consecutive here
    const int owner = placement.owner(expert);
    const int node = comm.node_of_rank()[static_cast<std::size_t>(owner)];
    right = right && rails.node_of_expert()[static_cast<std::size_t>(expert)] == node;
    if (node != comm.node()) {
      right = right && rails.node_expert(expert) == -1;
      continue;
    }
    right = right && rails.node_expert(expert) == next;
    const int place = rails.place_of_node_expert(next++);
    right = right && comm.ranks_of_node(node)[static_cast<std::size_t>(place)] == owner;
    right = right && rails.first_node_expert(place) <= rails.node_expert(expert);
    right = right && rails.node_expert(expert) < rails.first_node_expert(place + 1);
  }
  REQUIRE(comm.all(right && rails.num_node_experts() == next));
}

}  // namespace
}  // namespace moeperf::test
