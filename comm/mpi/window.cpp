#include "comm/mpi/window.hpp"

#include "comm/mpi/communicator.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"

#include <exception>
#include <utility>

namespace moeperf {
namespace {

constexpr std::int64_t alignment = 64;
constexpr std::int64_t longest_put = std::int64_t{1} << 30;

}  // namespace

MpiWindow::MpiWindow(const Communicator& comm, std::int64_t bytes) : bytes_(bytes) {
  void* base = nullptr;
  mpi_check(MPI_Win_allocate(static_cast<MPI_Aint>(bytes + alignment), 1, MPI_INFO_NULL, comm.get(),
                             static_cast<void*>(&base), &window_),
            "MPI_Win_allocate");
  held_ = HeldSharedMemory(bytes);
  mpi_check(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  mpi_check(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
  const auto address = reinterpret_cast<std::uintptr_t>(base);
  const std::int64_t padding = static_cast<std::int64_t>(-address % static_cast<std::uintptr_t>(alignment));
  data_ = static_cast<std::byte*>(base) + padding;
  paddings_ = comm.all_gather(padding);
}

MpiWindow::MpiWindow(MpiWindow&& other) noexcept
    : window_(std::exchange(other.window_, MPI_WIN_NULL)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      paddings_(std::move(other.paddings_)),
      held_(std::move(other.held_)) {}

MpiWindow& MpiWindow::operator=(MpiWindow&& other) noexcept {
  std::swap(window_, other.window_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(paddings_, other.paddings_);
  std::swap(held_, other.held_);
  return *this;
}

MpiWindow::~MpiWindow() {
  if (!is_open() || std::uncaught_exceptions() > 0) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

bool MpiWindow::is_unified() const {
  int* model = nullptr;
  int found = 0;
  mpi_check(MPI_Win_get_attr(window_, MPI_WIN_MODEL, static_cast<void*>(&model), &found), "MPI_Win_get_attr");
  return found != 0 && *model == MPI_WIN_UNIFIED;
}

void MpiWindow::put(const void* from, std::int64_t bytes, int rank, std::int64_t offset) const {
  const std::int64_t target = paddings_[static_cast<std::size_t>(rank)] + offset;
  for_each_piece(bytes, longest_put, [&](std::int64_t first, std::int64_t length) {
    const int count = mpi_count(length, "bytes");
    mpi_check(MPI_Put(static_cast<const std::byte*>(from) + first, count, MPI_BYTE, rank,
                      static_cast<MPI_Aint>(target + first), count, MPI_BYTE, window_),
              "MPI_Put");
  });
}

void MpiWindow::flush() const { mpi_check(MPI_Win_flush_all(window_), "MPI_Win_flush_all"); }

void MpiWindow::sync() const { mpi_check(MPI_Win_sync(window_), "MPI_Win_sync"); }

}  // namespace moeperf
