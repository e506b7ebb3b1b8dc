#include "comm/mpi/error.hpp"

#include <mpi.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>

namespace moeperf {
namespace {

/// The rank by which the launcher's messages know this process; −1 outside MPI_Init … MPI_Finalize.
int world_rank() {
  int initialized = 0, finalized = 0, rank = -1;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized && !finalized) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

std::string describe(const char* call, int code) {
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return fmt::format("{} failed on rank {} ({}): {}", call, world_rank(), host.data(), text.data());
}

}  // namespace

MpiError::MpiError(const char* call, int code) : Error(describe(call, code)) {}

void mpi_check(int code, const char* call) {
  if (code != MPI_SUCCESS) throw MpiError(call, code);
}

}  // namespace moeperf
