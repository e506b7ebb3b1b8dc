#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace moeperf {

class Communicator;

/// Room for the memory that the ranks of a node share. MPI libraries keep it in files of a directory in memory,
/// /dev/shm on Linux, which containers make small. Where it is too small the library fails on one rank, for which the
/// others wait for ever, or a process dies when it touches a page; so dispatchers ask beforehand.
///
/// Why what this rank is about to allocate there, `bytes`, finds no room together with what the other ranks of its node
/// are; nothing where there is room, or none can tell. What live windows hold counts as not yet taken from the
/// directory, since pages are taken when they are touched. Collective, the same answer on all ranks.
std::optional<std::string> why_no_room(const Communicator& comm, std::int64_t bytes);

/// The reason in words, of a directory with `free_bytes`.
std::string no_room_text(const std::string& directory, std::int64_t free_bytes, std::int64_t needed_bytes);

/// The directory that this MPI library says it uses, else /dev/shm. Between MPI_Init and MPI_Finalize. Local.
std::string shared_memory_directory();

/// Shared memory that this rank has allocated, counted for why_no_room() until it is let go of. Local.
class HeldSharedMemory {
 public:
  HeldSharedMemory() = default;
  explicit HeldSharedMemory(std::int64_t bytes);
  HeldSharedMemory(HeldSharedMemory&& other) noexcept;
  HeldSharedMemory& operator=(HeldSharedMemory&& other) noexcept;
  ~HeldSharedMemory();

 private:
  std::int64_t bytes_ = 0;
};

}  // namespace moeperf
