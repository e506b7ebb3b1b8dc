#pragma once

#include "kernels/base/error.hpp"

#include <string>

namespace moeperf {

/// "rank 3 (n1)": this process as the launcher's messages know it. Local.
std::string this_process();

/// An MPI call that failed: names the call, MPI's text, the rank and the host.
class MpiError : public Error {
 public:
  MpiError(const char* call, int code);
};

/// Throws MpiError unless `code` is MPI_SUCCESS. Use as mpi_check(MPI_Foo(...), "MPI_Foo").
void mpi_check(int code, const char* call);

}  // namespace moeperf
