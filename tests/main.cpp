// One main for all test programs: Catch2 between MPI_Init and MPI_Finalize. Under mpirun every rank
// runs the same tests; only rank 0 prints, unless another rank alone has something to report.
#define CATCH_CONFIG_RUNNER
#include "tests/catch.hpp"

#include <mpi.h>

#include <algorithm>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const int failed = std::min(Catch::Session().run(argc, argv), 255);
  int worst = 0;
  MPI_Allreduce(&failed, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return worst;
}
