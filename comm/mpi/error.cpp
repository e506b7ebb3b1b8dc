#include "comm/mpi/error.hpp"

#include "kernels/base/host_name.hpp"

#include <mpi.h>

#include <fmt/format.h>

#include <array>

namespace moeperf {
namespace {

std::string describe(const char* call, int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  return fmt::format("{} failed on {}: {}", call, this_process(), text.data());
}

}  // namespace

std::string this_process() {
  int initialized = 0, finalized = 0, rank = -1;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized && !finalized) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return fmt::format("rank {} ({})", rank, host_name());
}

MpiError::MpiError(const char* call, int code) : Error(describe(call, code)) {}

void mpi_check(int code, const char* call) {
  if (code != MPI_SUCCESS) throw MpiError(call, code);
}

}  // namespace moeperf
