#pragma once

#include <mpi.h>

#include <cstdint>
#include <optional>
#include <string>

namespace moeperf {

class Communicator;

/// One-sided access to a piece of every rank's memory, under a shared lock for as long as it exists. Must not outlive
/// MPI_Finalize. Errors throw MpiError.
class MpiWindow {
 public:
  MpiWindow() = default;
  /// Collective. Offers `bytes` at `base`; displacements of others are in `unit` bytes.
  MpiWindow(const Communicator& comm, void* base, std::int64_t bytes, int unit);
  MpiWindow(MpiWindow&& other) noexcept;
  MpiWindow& operator=(MpiWindow&& other) noexcept;
  /// Collective.
  ~MpiWindow();

  MPI_Win get() const { return window_; }
  bool is_open() const { return window_ != MPI_WIN_NULL; }
  /// Whether this rank offers just this memory.
  bool offers(const void* base, std::int64_t bytes) const { return is_open() && base_ == base && bytes_ == bytes; }

  /// Returns when all puts of this rank have arrived. Local.
  void flush();
  /// Makes what others have put visible to loads. Local.
  void sync();

 private:
  MPI_Win window_ = MPI_WIN_NULL;
  const void* base_ = nullptr;
  std::int64_t bytes_ = 0;
};

/// Why one-sided communication does not work between these ranks (some networks of some MPI libraries); nothing where
/// a put to the next rank arrived. Collective, the same on all ranks.
std::optional<std::string> why_no_windows(const Communicator& comm);

}  // namespace moeperf
