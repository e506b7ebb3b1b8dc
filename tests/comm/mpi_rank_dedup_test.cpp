#include "tests/catch.hpp"
#include "tests/comm/counted_bytes.hpp"

#include <set>

namespace moeperf::test {
namespace {

/// A token's row and its partial sum once per rank of its experts; 8 bytes for each copy elsewhere and for the counts.
CountedBytes rank_dedup_bytes(const ExchangeCase& spec, const Communicator& comm) {
  const Placement placement(spec.num_experts, comm.size());
  const std::int64_t row_bytes = spec.hidden * size_bytes(spec.dtype);
  CountedBytes counted;
  for (int source = 0; source < comm.size(); ++source) {
    const Routing routing = spec.routing(spec.first_token(source, comm.size()), spec.tokens(source, comm.size()));
    for (std::int64_t t = 0; t < routing.num_tokens; ++t) {
      std::set<int> destinations;
      for (std::int64_t copy = t * spec.top_k; copy < (t + 1) * spec.top_k; ++copy) {
        const std::int32_t expert = routing.topk_idx[static_cast<std::size_t>(copy)];
        if (expert < 0) continue;
        destinations.insert(placement.owner(expert));
        if (source == comm.rank() && placement.owner(expert) != source) {
          count(counted.dispatch, comm, placement.owner(expert), 4 + 4);  // expert and weight
        }
      }
      for (const int destination : destinations) {
        if (source == comm.rank()) count(counted.dispatch, comm, destination, row_bytes);
        if (destination == comm.rank()) count(counted.combine, comm, source, row_bytes);
      }
    }
    if (source != comm.rank()) count(counted.dispatch, comm, source, 4 + 4);  // numbers of rows and of copies
  }
  return counted;
}

TEST_CASE("mpi-rank-dedup books rows once per rank, and what says whom they are for", "[mpi]") {
  require_bytes("mpi-rank-dedup", rank_dedup_bytes);
}

}  // namespace
}  // namespace moeperf::test
