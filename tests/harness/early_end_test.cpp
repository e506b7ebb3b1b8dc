#include "harness/early_end.hpp"

#include "tests/catch.hpp"

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <string>

namespace moeperf {
namespace {

TEST_CASE("a run ends early when another case may take longer than is left, on all ranks", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const EarlyEnd never(comm, 0);
  REQUIRE(never.reason(1e9).empty());
  const EarlyEnd soon(comm, 100);
  REQUIRE(soon.reason(10).empty());
  const std::string reason = soon.reason(200);
  REQUIRE(reason.starts_with("out of time: "));
  REQUIRE(reason.find("--total-time 100, a case takes up to 200 s") != std::string::npos);
}

TEST_CASE("what Slurm says of the job's end is a limit, the nearer one counts", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  setenv("SLURM_JOB_END_TIME", std::to_string(std::time(nullptr) + 60).c_str(), 1);
  {
    const EarlyEnd job(comm, 0), both(comm, 1000);
    REQUIRE(job.reason(10).empty());
    REQUIRE(job.reason(100).find("the job's time") != std::string::npos);
    REQUIRE(both.reason(100).find("the job's time") != std::string::npos);
    const EarlyEnd nearer(comm, 30);
    REQUIRE(nearer.reason(100).find("--total-time 30") != std::string::npos);
  }
  setenv("SLURM_JOB_END_TIME", "soon", 1);
  REQUIRE(EarlyEnd(comm, 0).reason(1e9).empty());
  unsetenv("SLURM_JOB_END_TIME");
}

TEST_CASE("SIGUSR1 to any rank ends all between two cases, and its former handling comes back", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  struct sigaction before {
  }, after{};
  sigaction(SIGUSR1, nullptr, &before);
  {
    const EarlyEnd early_end(comm, 0);
    REQUIRE(early_end.reason(0).empty());
    if (comm.rank() == comm.size() - 1) std::raise(SIGUSR1);
    REQUIRE(early_end.reason(0) == "told to end by SIGUSR1");
  }
  sigaction(SIGUSR1, nullptr, &after);
  REQUIRE(after.sa_handler == before.sa_handler);
  REQUIRE(EarlyEnd(comm, 0).reason(0).empty());
}

}  // namespace
}  // namespace moeperf
