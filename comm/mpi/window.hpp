#pragma once

#include "comm/mpi/shared_memory.hpp"

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace moeperf {

/// Memory of the library's own (MPI_Win_allocate) that all ranks of a communicator may write into, under a shared lock
/// for as long as it exists. Errors throw MpiError. Must not outlive the communicator or MPI_Finalize.
///
/// The library's memory, not ours (MPI_Win_create): on one node libraries then give memory that all its ranks have
/// mapped and store straight into it. Open MPI 4.1 goes over a network layer for ours even there, by default over
/// libfabric where its provider takes a put for complete too early, see window_probe.hpp.
class MpiWindow {
 public:
  /// No window.
  MpiWindow() = default;
  /// Collective. `bytes` may differ from rank to rank. What the memory holds is undefined. On a node libraries take it
  /// from the memory that its ranks share: where that may lack the room, ask why_no_room() first.
  MpiWindow(const Communicator& comm, std::int64_t bytes);
  MpiWindow(MpiWindow&& other) noexcept;
  MpiWindow& operator=(MpiWindow&& other) noexcept;
  /// Collective, unless an exception is being handled: then the window is left to the end of the process, since the
  /// other ranks do not come.
  ~MpiWindow();

  bool is_open() const { return window_ != MPI_WIN_NULL; }
  /// This rank's memory, aligned to 64 bytes.
  std::byte* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }

  /// Whether what others put can be read with plain loads after sync() (MPI's unified memory model). Local.
  bool is_unified() const;

  /// Starts writing `bytes` from `from` to byte `offset` of `rank`'s memory; `from` must stay unchanged until flush().
  /// More than 2^31 bytes go in several puts. Local.
  void put(const void* from, std::int64_t bytes, int rank, std::int64_t offset) const;
  /// Returns when all that this rank has put lies in the others' memory. Local.
  void flush() const;
  /// Makes what others have put visible to loads. Local.
  void sync() const;

 private:
  MPI_Win window_ = MPI_WIN_NULL;
  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0;
  std::vector<std::int64_t> paddings_;  ///< [P], bytes before data() in each rank's window
  HeldSharedMemory held_;
};

/// Calls `body(first, count)` for consecutive pieces of `bytes`, none longer than `limit`.
template <class Body>
void for_each_piece(std::int64_t bytes, std::int64_t limit, const Body& body) {
  for (std::int64_t first = 0; first < bytes; first += limit) body(first, std::min(limit, bytes - first));
}

}  // namespace moeperf
