#pragma once

#include "results/report.hpp"

#include <filesystem>
#include <memory>

namespace moeperf {

/// Writes a report as the run goes (rank 0 only; local). The file grows under `PATH.part` and is
/// renamed to PATH by finish(). After each add_* the bytes are on disk and the file is closed, so that
/// a killed job leaves a readable PATH.part with everything measured so far. Space for what is about to
/// be written is reserved first: a full disk is an Error that leaves the file as it was. While it grows, a
/// second copy, PATH.part.spare, lies beside it (see GrowingFile): room for two reports is needed.
class ReportWriter {
 public:
  /// Claims PATH and PATH.part, with room for two reports of `expected_bytes`, and writes the header. Throws
  /// UserError, before anything is measured, where that cannot be (see ClaimedFile).
  ReportWriter(std::filesystem::path path, bool force, const ReportHeader& header, std::int64_t expected_bytes);
  ~ReportWriter();

  /// Ends the present launch, at first that of the header, and begins another.
  void next_launch(const std::string& end_time, const std::string& ended_early, const ReportHeader& header);
  void add_case(const CaseResult& result);
  void add_balancing(const BalancingTrajectory& trajectory);
  /// Sets the present launch's end and the status ("VALID" or "INVALID: …") and renames PATH.part to PATH, unless
  /// (without `force`) something of that name appeared meanwhile: that is an Error, and PATH.part the whole report.
  void finish(const std::string& end_time, const std::string& status, const std::string& ended_early = {});
  /// Sets end time, reason and status of a run that cannot go on, and leaves PATH.part under that name. Nothing can be
  /// added after that.
  void give_up(const std::string& end_time, const std::string& ended_early, const std::string& status);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes a whole report, as if it had been measured now; as ReportWriter.
void write_whole(const Report& report, const std::filesystem::path& path, bool force);

}  // namespace moeperf
