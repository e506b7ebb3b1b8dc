#pragma once

#include "benchmarks/cli/run.hpp"
#include "results/file_lock.hpp"
#include "results/report.hpp"
#include "results/writer.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace moeperf {

/// Where a run's report goes: into a new file; into FILE as one more launch (`--append FILE`); into FILE, of which an
/// earlier run that ended early has measured a part (`--resume FILE`). Of rank 0; local. What is measured is on disk
/// after each case, in a file that ends in .part until all is there: whatever happens, no file holds less than before.
class RunOutput {
 public:
  /// Throws UserError where that cannot be: a name that is taken, a report of something else (why_another).
  RunOutput(const RunOptions& options, const ReportHeader& launch, std::int64_t expected_bytes);

  /// What is there already, of `--resume`: its cases are not measured again. Else a report of this launch without
  /// cases. Cases are kept without their samples, which are in the file.
  const Report& report() const { return report_; }
  /// Whether an earlier run has measured all cases.
  bool is_complete() const { return !writer_; }

  void add_case(CaseResult result);
  void add_balancing(const BalancingTrajectory& trajectory);
  /// The run cannot go on, for this reason; returns a sentence on where what was measured is. Nothing can be added after
  /// that.
  std::string give_up(const std::string& reason);
  /// All cases are in; returns the report's status. Throws UserError, both files being as they were, where it is a launch
  /// of other cases than those it is to be added to.
  std::string finish();
  /// Of the report: the file named by --append once the launch is in it.
  const std::string& path() const { return path_; }

 private:
  void open_new(const RunOptions& options, std::int64_t expected_bytes);
  void open_appended(const RunOptions& options, std::int64_t expected_bytes);
  void open_resumed(const RunOptions& options, std::int64_t expected_bytes);
  void keep(const CaseResult& result);

  Report report_;
  std::string path_;
  std::string append_to_;  ///< where the launch goes in the end; empty: it has its own file
  std::optional<FileLock> append_lock_;
  std::optional<ReportWriter> writer_;
};

}  // namespace moeperf
