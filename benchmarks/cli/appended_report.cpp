#include "benchmarks/cli/appended_report.hpp"

#include "kernels/base/error.hpp"
#include "results/pooled_report.hpp"
#include "results/reader.hpp"
#include "results/verdict.hpp"
#include "results/writer.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace moeperf {

AppendedReport::AppendedReport(std::string path, const ReportHeader& launch) : path_(std::move(path)) {
  const auto refuse = [&](const std::string& reason) {
    throw UserError(fmt::format("--append {}: {}", path_, reason));
  };
  try {
    lock_.emplace(path_ + ".append.lock");
  } catch (const Error& error) {
    refuse(error.what());
  }
  is_first_ = !std::filesystem::exists(path_);
  if (is_first_) return;
  const Report report = read_report(path_);
  if (!is_valid(report.status)) refuse("the report is " + report.status);
  if (const std::string reason = why_another(report, launch); !reason.empty()) refuse(reason);
}

void AppendedReport::add_launch() {
  if (is_first_) return;
  Report report = read_report(path_);
  try {
    moeperf::add_launch(report, read_report(launch_path()));
  } catch (const UserError& error) {
    throw UserError(fmt::format("--append {}: {}; the launch is kept as {}", path_, error.what(), launch_path()));
  }
  report.status = verdict(report);
  write_whole(report, path_, true);
  std::filesystem::remove(launch_path());
}

}  // namespace moeperf
