// One main for all test programs: Catch2 between MPI_Init and MPI_Finalize. Under mpirun every rank
// runs the same tests.
#define CATCH_CONFIG_RUNNER
#include "tests/catch.hpp"

#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace {

#if __has_include(<catch2/catch_all.hpp>)
using Listener = Catch::EventListenerBase;
#else
using Listener = Catch::TestEventListenerBase;
#endif

/// A test that failed on one rank has left its partners in the middle of an exchange: they would wait for ever.
class EndAllRanks : public Listener {
 public:
  using Listener::Listener;

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    int num_ranks = 1;
    MPI_Comm_size(MPI_COMM_WORLD, &num_ranks);
    if (num_ranks == 1 || stats.totals.assertions.failed == 0) return;
    std::cout.flush();
    std::fflush(nullptr);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
};

}  // namespace

CATCH_REGISTER_LISTENER(EndAllRanks)

int main(int argc, char** argv) {
  // Some tests fork; without this libfabric's EFA provider of Ubuntu 22.04 aborts a process that does.
  setenv("RDMAV_FORK_SAFE", "1", 0);
  MPI_Init(&argc, &argv);
  const int failed = std::min(Catch::Session().run(argc, argv), 255);
  int worst = 0;
  MPI_Allreduce(&failed, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return worst;
}
