#include "comm/mpi/window.hpp"

#include "comm/mpi/communicator.hpp"
#include "comm/mpi/error.hpp"

#include <utility>

namespace moeperf {

MpiWindow::MpiWindow(const Communicator& comm, void* base, std::int64_t bytes, int unit) : base_(base), bytes_(bytes) {
  mpi_check(MPI_Win_create(base, static_cast<MPI_Aint>(bytes), unit, MPI_INFO_NULL, comm.get(), &window_),
            "MPI_Win_create");
  mpi_check(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  mpi_check(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
}

MpiWindow::MpiWindow(MpiWindow&& other) noexcept
    : window_(std::exchange(other.window_, MPI_WIN_NULL)), base_(other.base_), bytes_(other.bytes_) {}

MpiWindow& MpiWindow::operator=(MpiWindow&& other) noexcept {
  std::swap(window_, other.window_);
  std::swap(base_, other.base_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MpiWindow::~MpiWindow() {
  if (!is_open()) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

void MpiWindow::flush() { mpi_check(MPI_Win_flush_all(window_), "MPI_Win_flush_all"); }

void MpiWindow::sync() { mpi_check(MPI_Win_sync(window_), "MPI_Win_sync"); }

std::optional<std::string> why_no_windows(const Communicator& comm) {
  std::int64_t arrived = -1, sent = comm.rank();
  std::string failure;
  try {
    MpiWindow window(comm, &arrived, sizeof arrived, sizeof arrived);
    const int next = (comm.rank() + 1) % comm.size();
    mpi_check(MPI_Put(&sent, 1, MPI_INT64_T, next, 0, 1, MPI_INT64_T, window.get()), "MPI_Put");
    window.flush();
    comm.barrier();
    window.sync();
    if (arrived != (comm.rank() + comm.size() - 1) % comm.size()) failure = "a put did not arrive";
    comm.barrier();
  } catch (const MpiError& error) {
    failure = error.what();
  }
  if (comm.all(failure.empty())) return std::nullopt;
  // The lowest rank that has a reason gives it.
  const double teller = comm.min(failure.empty() ? comm.size() : comm.rank());
  std::vector<std::string> failures = comm.gather(failure);
  const std::string reason = comm.broadcast(comm.is_root() ? failures[static_cast<std::size_t>(teller)] : "");
  return "one-sided communication does not work here: " + reason;
}

}  // namespace moeperf
