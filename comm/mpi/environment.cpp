#include "comm/mpi/communicator.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/launcher.hpp"

#include <array>
#include <cstdlib>

namespace moeperf {
namespace {

/// Name and version; the rest (who built it, when) says little to a user.
std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  mpi_check(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  const std::string all(text.data(), static_cast<std::size_t>(length));
  return all.substr(0, all.find_first_of(",\n"));
}

void check_world(int thread_level) {
  if (thread_level < MPI_THREAD_FUNNELED) {
    throw Error(mpi_library() + " does not allow threads beside the one that calls it (MPI_THREAD_FUNNELED)");
  }
  int size = 0;
  mpi_check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  if (size > 1) return;
  const auto claim = launcher_claim([](const char* variable) { return std::getenv(variable); });
  if (claim) throw Error(alone_message(*claim, mpi_library()));
}

}  // namespace

MpiEnvironment::MpiEnvironment(int& argc, char**& argv) {
  int provided = 0;
  mpi_check(MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  try {
    check_world(provided);
  } catch (...) {
    MPI_Finalize();
    throw;
  }
}

MpiEnvironment::~MpiEnvironment() { MPI_Finalize(); }

}  // namespace moeperf
