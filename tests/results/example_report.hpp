#pragma once

#include "results/report.hpp"

#include <filesystem>
#include <string>

namespace moeperf::test {

/// A report with one of everything: a layer case under two schemes and its bound, an exchange, a skipped case, a
/// case that is wrong, trajectories with a bias and with a loss.
Report example_report();

/// A measured case of any size; the same arguments give the same case.
CaseResult example_case(const std::string& id, std::int64_t num_samples, std::int64_t num_ranks);

/// Writes a whole report as a run does, and finishes it.
void write_report(const Report& report, const std::filesystem::path& path, bool force = false);

/// A folder that is gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace moeperf::test
