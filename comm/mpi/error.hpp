#pragma once

#include "kernels/base/error.hpp"

#include <string>

namespace moeperf {

/// An MPI call that failed: names the call, MPI's text, the rank and the host.
class MpiError : public Error {
 public:
  MpiError(const char* call, int code);
};

/// "rank 3 (node7)": the rank by which the launcher's messages know this process (−1 outside MPI_Init … MPI_Finalize).
std::string this_process();

/// Throws MpiError unless `code` is MPI_SUCCESS. Use as mpi_check(MPI_Foo(...), "MPI_Foo").
void mpi_check(int code, const char* call);

}  // namespace moeperf
