#pragma once

#include "results/file_lock.hpp"
#include "results/report.hpp"

#include <optional>
#include <string>

namespace moeperf {

/// The report of `run --append FILE`, held for this process until the launch is in it. The launch is measured into a file
/// of its own, FILE.launch, so that FILE is whole at all times, however the launch ends. Local; rank 0.
class AppendedReport {
 public:
  /// Throws UserError where the report is none, is INVALID, or is of something else than this launch (why_another), and
  /// where another process adds to it.
  AppendedReport(std::string path, const ReportHeader& launch);

  /// Where the launch is measured to: FILE where there is none yet.
  std::string launch_path() const { return is_first_ ? path_ : path_ + ".launch"; }

  /// Takes the finished launch at launch_path() into FILE and removes it. Throws UserError, with both files as they were,
  /// where its cases are not the report's. Nothing is done for the first launch.
  void add_launch();

 private:
  std::string path_;
  std::optional<FileLock> lock_;
  bool is_first_ = false;
};

}  // namespace moeperf
