#pragma once

#include "kernels/base/error.hpp"

#include <filesystem>

namespace moeperf {

/// Another process holds the lock.
class LockHeld : public Error {
 public:
  using Error::Error;
};

/// Holds a file of this name as a lock until it goes out of scope; the file is removed then. The kernel
/// frees the lock of a process that ends in any way, so a file left by a killed one stops nobody. Where the
/// file system knows no locks, nobody is stopped either.
class FileLock {
 public:
  /// Throws LockHeld that says by whom, or Error: why the file cannot be made.
  explicit FileLock(std::filesystem::path path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace moeperf
