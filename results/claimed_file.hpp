#pragma once

#include "kernels/base/error.hpp"
#include "results/file_lock.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace moeperf {

/// A name that another file has, or that another process is writing.
class NameTaken : public UserError {
 public:
  using UserError::UserError;
};

/// The name of a file that takes long to make. It grows as PATH.part beside its place, which is claimed for one
/// process (PATH.part.lock), and is called PATH only when it is whole and on disk. Nothing is replaced unless
/// forced, and never what another process is writing.
class ClaimedFile {
 public:
  /// Claims PATH.part. Throws UserError that says why PATH cannot be made, before any work is lost: no such
  /// folder, no permission, fewer than `bytes` free, no regular file (a device, a FIFO, a link, …), and NameTaken
  /// where it is in the making elsewhere or, without `force`, where PATH, or a PATH.part that a killed process left,
  /// exists. `what` is what messages call it, e.g. "report".
  ClaimedFile(std::string what, std::filesystem::path path, bool force, std::int64_t bytes);

  const std::filesystem::path& part() const { return part_; }

  /// Brings the part to disk and gives it its name. Throws Error, with the part left whole, when that
  /// cannot be or (without `force`) something of that name appeared meanwhile.
  void publish();

 private:
  std::string what_;
  std::filesystem::path path_, part_;
  bool force_;
  std::optional<FileLock> lock_;
};

}  // namespace moeperf
