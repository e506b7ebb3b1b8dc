#pragma once

#include <filesystem>

namespace moeperf {

/// Holds a file of this name as a lock until it goes out of scope; the file is removed then. The kernel
/// frees the lock of a process that ends in any way, so a file left by a killed one stops nobody. Where the
/// file system knows no locks, nobody is stopped either.
class FileLock {
 public:
  /// Throws Error: by whom it is held, or why the file cannot be made.
  explicit FileLock(std::filesystem::path path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace moeperf
