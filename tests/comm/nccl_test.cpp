// NCCL itself, where it is compiled in; most machines that test have no GPU.
#include "comm/nccl/communicator.hpp"

#include "kernels/base/error.hpp"
#include "tests/catch.hpp"

#include <string>

namespace moeperf {
namespace {

TEST_CASE("where NCCL cannot be set up, all ranks say why, the same, and none waits", "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  // Every rank takes the first GPU: too few for NCCL, unless there is one rank and one GPU.
  std::string reason;
  try {
    const NcclCommunicator nccl(comm, 20);
  } catch (const Error& error) {
    reason = error.what();
  }
  INFO(reason);
  REQUIRE(comm.all(reason == comm.broadcast(reason)));
  if (comm.size() == 1 && reason.empty()) {
    WARN("one rank has a GPU of its own: nothing that could fail");
    return;
  }
  REQUIRE(reason.find("nccl") == 0);
  REQUIRE(reason.find("failed on rank") != std::string::npos);
}

}  // namespace
}  // namespace moeperf
