#include "comm/mpi/communicator.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/launcher.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
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

std::optional<std::string> MpiEnvironment::obstacle() {
  constexpr unsigned patience_s = 30;
  const pid_t child = ::fork();
  if (child < 0) return "cannot start a process that tries";
  if (child == 0) {
    // What MPI says on the way is for people who wanted it.
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, fd);
    ::alarm(patience_s);
    int provided = 0;
    const bool starts = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) == MPI_SUCCESS;
    if (starts) MPI_Finalize();
    ::_exit(starts ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return "the process that tries is lost";
  }
  if (WIFSIGNALED(status)) {
    return WTERMSIG(status) == SIGALRM ? fmt::format("MPI_Init does not return within {} s", patience_s)
                                       : fmt::format("MPI_Init ends the process by signal {}", WTERMSIG(status));
  }
  if (WEXITSTATUS(status) != 0) return fmt::format("MPI_Init ends the process with status {}", WEXITSTATUS(status));
  return std::nullopt;
}

}  // namespace moeperf
