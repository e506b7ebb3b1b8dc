#include "benchmarks/cli/run_output.hpp"

#include "harness/environment.hpp"
#include "harness/machine.hpp"
#include "kernels/base/error.hpp"
#include "kernels/base/host_name.hpp"
#include "results/claimed_file.hpp"
#include "results/pooled_report.hpp"
#include "results/reader.hpp"
#include "results/verdict.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

/// A report that an earlier run left, which must be one of this launch.
Report read_part_of(const std::string& path, const ReportHeader& launch, const std::string& option) {
  Report report = read_report(path);
  if (const std::string reason = why_another(report, launch); !reason.empty())
    throw UserError(fmt::format("{} {}: {}", option, path, reason));
  return report;
}

std::string without_suffix(const std::string& name, const std::string& suffix) {
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

}  // namespace

RunOutput::RunOutput(const RunOptions& options, const ReportHeader& launch, std::int64_t expected_bytes) {
  report_.header() = launch;
  if (!options.append.empty()) {
    open_appended(options, expected_bytes);
  } else if (!options.resume.empty()) {
    open_resumed(options, expected_bytes);
  } else {
    open_new(options, expected_bytes);
  }
}

/// Under the name that was given, or else under that of host and time: where another run took that in the same second,
/// the next with a number.
void RunOutput::open_new(const RunOptions& options, std::int64_t expected_bytes) {
  const bool given = !options.output.empty();
  const std::string stem = fmt::format("moeperf-{}-{}", host_name(), utc_time_compact());
  for (int number = 1;; ++number) {
    path_ = given ? options.output : stem + (number == 1 ? "" : fmt::format("-{}", number)) + ".h5";
    try {
      writer_.emplace(path_, given && options.force, report_.header(), expected_bytes);
      return;
    } catch (const NameTaken&) {
      if (given || number == 1000) throw;
    }
  }
}

/// The launch is measured into a file of its own, FILE.launch, unless it begins FILE.
void RunOutput::open_appended(const RunOptions& options, std::int64_t expected_bytes) {
  path_ = options.append;
  try {
    append_lock_.emplace(path_ + ".append.lock");
  } catch (const Error& error) {
    throw UserError(fmt::format("--append {}: {}", path_, error.what()));
  }
  if (fs::exists(path_)) {
    const Report report = read_part_of(path_, report_.header(), "--append");
    if (!is_valid(report.status)) throw UserError(fmt::format("--append {}: the report is {}", path_, report.status));
    append_to_ = path_;
    path_ += ".launch";
  }
  writer_.emplace(path_, false, report_.header(), expected_bytes);
}

/// FILE.part is set aside as FILE.part.before until all that is in it is in the new FILE.part.
void RunOutput::open_resumed(const RunOptions& options, std::int64_t expected_bytes) {
  path_ = without_suffix(without_suffix(options.resume, ".before"), ".part");
  const std::string part = path_ + ".part", before = part + ".before";
  const ReportHeader launch = report_.header();
  if (fs::exists(path_)) {
    report_ = read_part_of(path_, launch, "--resume");
    if (report_.cases.size() < static_cast<std::size_t>(report_.header().num_cases_planned))
      throw UserError(fmt::format("--resume {}: the report is {}, and closed", path_, report_.status));
    return;
  }
  if (fs::exists(part) && !fs::exists(before)) fs::rename(part, before);
  if (!fs::exists(before)) {
    writer_.emplace(path_, false, launch, expected_bytes);
    return;
  }
  Report earlier;
  try {
    earlier = read_part_of(before, launch, "--resume");
  } catch (const Error&) {
    if (!fs::exists(part)) fs::rename(before, part);
    throw;
  }
  fs::remove(part);  // what a run had copied that was killed meanwhile
  writer_.emplace(path_, false, earlier.header(), expected_bytes);
  report_.launches = earlier.launches;
  const auto go_on = [&](Launch& ended, const ReportHeader& next) {
    if (ended.ended_early.empty()) ended.ended_early = "killed";
    writer_->next_launch(ended.end_time, ended.ended_early, next);
  };
  for (std::size_t i = 1; i < earlier.launches.size(); ++i) go_on(report_.launches[i - 1], earlier.launches[i].header);
  for (const CaseResult& result : earlier.cases) {
    writer_->add_case(result);
    keep(result);
  }
  for (const BalancingTrajectory& trajectory : earlier.balancing) writer_->add_balancing(trajectory);
  go_on(report_.launches.back(), launch);
  report_.launches.push_back({launch, {}, {}});
  fs::remove(before);
}

void RunOutput::keep(const CaseResult& result) {
  CaseResult kept = result;
  kept.measurements.clear();
  kept.meters.clear();
  report_.cases.push_back(std::move(kept));
}

void RunOutput::add_case(CaseResult result) {
  // None of the launches before have it.
  const auto place = [&](Samples& samples) {
    samples.launch_sizes.insert(samples.launch_sizes.begin(), report_.launches.size() - 1, 0);
  };
  for (Measurement& m : result.measurements) place(m.samples);
  for (MeterSeries& meter : result.meters) place(meter.samples);
  writer_->add_case(result);
  keep(result);
}

void RunOutput::add_balancing(const BalancingTrajectory& trajectory) { writer_->add_balancing(trajectory); }

std::string RunOutput::give_up(const std::string& reason) {
  if (!writer_) return {};
  report_.launches.back().ended_early = reason;
  writer_->give_up(utc_time(), reason, verdict(report_));
  return fmt::format("what was measured until then, {} of {} cases: {}.part", report_.cases.size(),
                     report_.header().num_cases_planned, path_);
}

std::string RunOutput::finish() {
  const std::string status = verdict(report_);
  writer_->finish(utc_time(), status);
  if (append_to_.empty() || !is_valid(status)) return status;
  Report all = read_report(append_to_);
  try {
    add_launch(all, read_report(path_));
  } catch (const UserError& error) {
    throw UserError(fmt::format("--append {}: {}; the launch is kept as {}", append_to_, error.what(), path_));
  }
  all.status = verdict(all);
  write_whole(all, append_to_, true);
  fs::remove(path_);
  path_ = append_to_;
  return all.status;
}

}  // namespace moeperf
