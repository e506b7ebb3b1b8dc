#pragma once

#include <utility>

namespace moeperf {

/// Owning, move-only MPI handle, freed by `free_handle` (MPI_Comm_free, MPI_Type_free, …). Must not outlive
/// MPI_Finalize. `null` is the handle's MPI_…_NULL, which MPI does not promise to be a constant expression.
template <class Handle, int (*free_handle)(Handle*)>
class MpiHandle {
 public:
  explicit MpiHandle(Handle null) : handle_(null), null_(null) {}
  MpiHandle(MpiHandle&& other) noexcept : handle_(std::exchange(other.handle_, other.null_)), null_(other.null_) {}
  MpiHandle& operator=(MpiHandle&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~MpiHandle() {
    if (handle_ != null_) free_handle(&handle_);
  }

  Handle get() const { return handle_; }
  /// Where the MPI call that makes the handle stores it; the handle must be null.
  Handle* out() { return &handle_; }

 private:
  Handle handle_;
  Handle null_;
};

}  // namespace moeperf
