#include "comm/mpi/node_memory.hpp"

#include "comm/mpi/error.hpp"
#include "comm/mpi/kept_reason.hpp"

#include <algorithm>
#include <exception>

namespace moeperf {

NodeMemory::~NodeMemory() {
  if (std::uncaught_exceptions() > 0) return;
  if (window_ == MPI_WIN_NULL) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

void NodeMemory::reserve(std::int64_t bytes) {
  if (window_ != MPI_WIN_NULL && bytes <= bytes_) return;
  const std::int64_t room = room_after(bytes_, bytes);
  release();
  // One rank brings all of it: the shares of the others then follow each other without gaps, in any sizes.
  void* own = nullptr;
  mpi_check(MPI_Win_allocate_shared(static_cast<MPI_Aint>(share(comm_, room)), 1, MPI_INFO_NULL, comm_.node_comm(),
                                    static_cast<void*>(&own), &window_),
            "MPI_Win_allocate_shared");
  held_ = HeldSharedMemory(share(comm_, room));
  mpi_check(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  mpi_check(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
  MPI_Aint size = 0;
  int unit = 0;
  mpi_check(MPI_Win_shared_query(window_, 0, &size, &unit, static_cast<void*>(&data_)), "MPI_Win_shared_query");
  bytes_ = room;
}

std::int64_t NodeMemory::room_after(std::int64_t room, std::int64_t bytes) {
  if (room > 0 && bytes <= room) return room;
  // A little more than asked for, so that batches which grow slowly do not allocate each time.
  return std::max({bytes, room + room / 4, std::int64_t{4096}});
}

void NodeMemory::fence() {
  mpi_check(MPI_Win_sync(window_), "MPI_Win_sync");
  mpi_check(MPI_Barrier(comm_.node_comm()), "MPI_Barrier");
  mpi_check(MPI_Win_sync(window_), "MPI_Win_sync");
}

void NodeMemory::release() {
  if (window_ == MPI_WIN_NULL) return;
  mpi_check(MPI_Win_unlock_all(window_), "MPI_Win_unlock_all");
  mpi_check(MPI_Win_free(&window_), "MPI_Win_free");
  data_ = nullptr;
  bytes_ = 0;
  held_ = HeldSharedMemory();
}

std::optional<std::string> why_no_node_memory(const Communicator& comm) {
  if (!comm.has_mpi()) return "needs MPI";
  return kept_reason(comm, "node memory probe", [&]() -> std::optional<std::string> {
    if (auto reason = why_no_room(comm, NodeMemory::share(comm, NodeMemory::room_after(0, 1)))) return reason;
    std::string fault;
    try {
      NodeMemory(comm).reserve(1);
    } catch (const MpiError& error) {
      fault = error.what();
    }
    if (const auto reason = comm.first_reason(fault)) return "the ranks of a node cannot share memory: " + *reason;
    return std::nullopt;
  });
}

}  // namespace moeperf
