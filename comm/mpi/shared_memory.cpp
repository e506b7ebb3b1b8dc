#include "comm/mpi/shared_memory.hpp"

#include "comm/mpi/communicator.hpp"
#include "comm/mpi/error.hpp"
#include "kernels/base/host_name.hpp"

#include <fmt/format.h>

#include <sys/statvfs.h>

#include <utility>

namespace moeperf {
namespace {

std::int64_t held_bytes = 0;  // by this process

/// Text of one of the library's settings; empty where it has none of that name. Open MPI loads all of its components to
/// answer, some of which take a fifth of a second.
std::string library_setting(const char* name) {
  int level = 0, index = 0, length = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &level) != MPI_SUCCESS) return {};
  std::string text;
  MPI_T_cvar_handle setting{};
  if (MPI_T_cvar_get_index(name, &index) == MPI_SUCCESS &&
      MPI_T_cvar_handle_alloc(index, nullptr, &setting, &length) == MPI_SUCCESS) {
    text.resize(static_cast<std::size_t>(length) + 1);
    if (MPI_T_cvar_read(setting, text.data()) != MPI_SUCCESS) text.clear();
    MPI_T_cvar_handle_free(&setting);
  }
  MPI_T_finalize();
  return text.c_str();  // up to the terminating zero
}

}  // namespace

std::string shared_memory_directory() {
  // Open MPI's component for windows in shared memory; other libraries have their segments where shm_open puts them.
  static const std::string directory = library_setting("osc_sm_backing_directory");
  return directory.empty() ? "/dev/shm" : directory;
}

std::string no_room_text(const std::string& directory, std::int64_t free_bytes, std::int64_t needed_bytes) {
  return fmt::format("{} on {} has {:.1f} MB free, the memory that the ranks of a node share needs {:.1f}", directory,
                     host_name(), static_cast<double>(free_bytes) * 1e-6, static_cast<double>(needed_bytes) * 1e-6);
}

std::optional<std::string> why_no_room(const Communicator& comm, std::int64_t bytes) {
  std::int64_t needed = bytes + held_bytes;
  mpi_check(MPI_Allreduce(MPI_IN_PLACE, &needed, 1, MPI_INT64_T, MPI_SUM, comm.node_comm()), "MPI_Allreduce");
  // Open MPI wants a twentieth more than it takes, and its windows bring some pages for each rank.
  needed += needed / 16 + std::int64_t{comm.ranks_on_node()} * (64 << 10);
  const std::string directory = shared_memory_directory();
  struct statvfs state {};
  std::string reason;
  if (statvfs(directory.c_str(), &state) == 0) {
    const auto free_bytes = static_cast<std::int64_t>(state.f_bavail) * static_cast<std::int64_t>(state.f_frsize);
    if (needed > free_bytes) reason = no_room_text(directory, free_bytes, needed);
  }
  return comm.first_reason(reason);
}

HeldSharedMemory::HeldSharedMemory(std::int64_t bytes) : bytes_(bytes) { held_bytes += bytes_; }

HeldSharedMemory::HeldSharedMemory(HeldSharedMemory&& other) noexcept : bytes_(std::exchange(other.bytes_, 0)) {}

HeldSharedMemory& HeldSharedMemory::operator=(HeldSharedMemory&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

HeldSharedMemory::~HeldSharedMemory() { held_bytes -= bytes_; }

}  // namespace moeperf
