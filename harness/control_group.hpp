#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// The limits that the kernel's control groups set to this process: the strictest of all levels, from the process's
/// own group up to the root, of version 1 and version 2, mixed systems included (Slurm's --mem and --cpus-per-task,
/// containers). Read anew at each call. None throws: what cannot be read limits nothing.
class ControlGroups {
 public:
  /// `root`, for tests, is where proc/self/cgroup and the folders that proc/self/mountinfo names are looked for.
  explicit ControlGroups(std::filesystem::path root = "/");

  /// Least memory that a level may use, in bytes.
  std::optional<std::int64_t> memory_limit_bytes() const;
  /// Least that a level has left: its limit less what is used, but for file pages that the kernel would drop.
  std::optional<std::int64_t> memory_left_bytes() const;
  /// Least CPU time per time that a level may use, e.g. 1.5 CPUs.
  std::optional<double> cpu_quota() const;

 private:
  std::filesystem::path root_;
  std::vector<std::filesystem::path> memory_, cpu_;  ///< folders of all levels, the process's own first
};

}  // namespace moeperf
