#include "comm/mpi/shared_memory.hpp"

#include "comm/mpi/node_memory.hpp"
#include "tests/catch.hpp"

namespace moeperf::test {
namespace {

constexpr std::int64_t more_than_there_is = std::int64_t{1} << 55;

TEST_CASE("what has no room in shared memory is told to all ranks with what is free and what is needed", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  REQUIRE_FALSE(why_no_room(comm, 4096));
  // One rank needs it, all hear of it.
  const auto reason = why_no_room(comm, comm.rank() == comm.size() - 1 ? more_than_there_is : 0);
  REQUIRE(reason);
  REQUIRE(reason->find(shared_memory_directory() + " on ") == 0);
  REQUIRE(reason->find(" MB free, the memory that the ranks of a node share needs 3") != std::string::npos);
}

TEST_CASE("what is held and not yet touched counts as taken until it is let go of", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  {
    const HeldSharedMemory held(more_than_there_is);
    REQUIRE(why_no_room(comm, 0));
  }
  REQUIRE_FALSE(why_no_room(comm, 0));
}

TEST_CASE("the block of a node grows by a quarter at least, and is never empty") {
  REQUIRE(NodeMemory::room_after(0, 0) == 4096);
  REQUIRE(NodeMemory::room_after(4096, 4096) == 4096);
  REQUIRE(NodeMemory::room_after(8000, 8001) == 10000);
  REQUIRE(NodeMemory::room_after(8000, 20000) == 20000);
}

}  // namespace
}  // namespace moeperf::test
