#pragma once

#include "comm/mpi/communicator.hpp"
#include "comm/mpi/shared_memory.hpp"

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace moeperf {

/// Memory that all ranks of a node read and write (MPI_Win_allocate_shared). Nobody waits for anybody here: who writes
/// when is up to the user, with NodeMemory::fence() between a write and another rank's read. Must not outlive the
/// communicator or MPI_Finalize. Errors throw MpiError.
class NodeMemory {
 public:
  explicit NodeMemory(const Communicator& comm) : comm_(comm) {}
  NodeMemory(const NodeMemory&) = delete;
  NodeMemory& operator=(const NodeMemory&) = delete;
  /// Collective over the node, unless an exception is being handled: then the memory is left to the end of the
  /// process, since the other ranks do not come.
  ~NodeMemory();

  /// Makes room for `bytes`, the same on all ranks of the node, which call it together. Keeps the block and its
  /// contents when it suffices; a new one holds nothing. Where the node may lack the room, ask why_no_room() first: MPI
  /// tells one rank alone.
  void reserve(std::int64_t bytes);

  /// The size of the block after reserve(bytes), of one that has `room` now.
  static std::int64_t room_after(std::int64_t room, std::int64_t bytes);
  /// Of `bytes` that the node allocates, those that this rank brings.
  static std::int64_t share(const Communicator& comm, std::int64_t bytes) {
    return comm.rank_on_node() == 0 ? bytes : 0;
  }

  std::byte* data() const { return data_; }

  /// Returns when all ranks of the node have come here; what they wrote before is then seen by all. Collective over the
  /// node.
  void fence();

 private:
  void release();

  const Communicator& comm_;
  MPI_Win window_ = MPI_WIN_NULL;
  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0;
  HeldSharedMemory held_;
};

/// Why the ranks of some node cannot share memory (Open MPI needs its `sm` component for it, which `--mca osc pt2pt`
/// alone leaves out); nothing where they can. Collective over `comm`, the same answer on all ranks.
std::optional<std::string> why_no_node_memory(const Communicator& comm);

}  // namespace moeperf
