#pragma once

#include "comm/mpi/communicator.hpp"

#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace moeperf::test {

/// A folder for one test, the same on every rank, removed at its end.
class Folder {
 public:
  Folder(const Communicator& comm, const std::string& purpose) : comm_(comm) {
    const auto name = std::filesystem::temp_directory_path() / ("moeperf_" + purpose + "_" + std::to_string(getpid()));
    path_ = comm.broadcast(name.string());
    if (comm.is_root()) std::filesystem::create_directories(path_);
    comm.barrier();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    comm_.barrier();
    std::error_code ignored;
    if (comm_.is_root()) std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  const Communicator& comm_;
  std::filesystem::path path_;
};

}  // namespace moeperf::test
