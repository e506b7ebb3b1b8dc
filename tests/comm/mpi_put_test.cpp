#include "comm/mpi/window_probe.hpp"

#include "tests/catch.hpp"
#include "tests/comm/counted_bytes.hpp"

namespace moeperf::test {
namespace {

/// The copies, the counts, and to each other rank where its rows belong and whether windows grow: three ints.
CountedBytes put_bytes(const ExchangeCase& spec, const Communicator& comm) {
  CountedBytes counted = alltoallv_bytes(spec, comm);
  for (int r = 0; r < comm.size(); ++r) {
    if (r != comm.rank()) count(counted.dispatch, comm, r, 3 * 4);
  }
  return counted;
}

TEST_CASE("mpi-put books where rows belong, too", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  if (const auto reason = comm.size() == 1 ? std::nullopt : why_no_windows(comm)) {
    WARN("skipped: " << *reason);
    return;
  }
  for (const int ranks_per_node : {0, 2}) require_bytes("mpi-put", put_bytes, ranks_per_node);
}

}  // namespace
}  // namespace moeperf::test
