#include "results/pooled_report.hpp"

#include "kernels/base/error.hpp"
#include "results/compare_environment.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace moeperf {
namespace {

constexpr std::size_t max_named = 3;

void add_samples(Samples& samples, const Samples& more) {
  const std::int64_t before = samples.num_samples();
  samples.launch_sizes.insert(samples.launch_sizes.end(), more.launch_sizes.begin(), more.launch_sizes.end());
  samples.values.insert(samples.values.end(), more.values.begin(), more.values.end());
  samples.starts_s.insert(samples.starts_s.end(), more.starts_s.begin(), more.starts_s.end());
  for (InvalidSample one : more.invalid) {
    one.sample += before;
    samples.invalid.push_back(one);
  }
}

void add_verification(Verification& verification, const Verification& more) {
  verification.performed = verification.performed && more.performed;
  verification.passed = verification.passed && more.passed;
  verification.wrong += more.wrong;
  verification.checked += more.checked;
  verification.max_error = std::max(verification.max_error, more.max_error);
  for (const std::string& claim : more.failed) {
    if (std::find(verification.failed.begin(), verification.failed.end(), claim) == verification.failed.end())
      verification.failed.push_back(claim);
  }
}

/// Whether the samples of one can stand behind those of the other.
bool are_alike(const Samples& a, const Samples& b) {
  return a.num_ranks == b.num_ranks && a.starts_s.empty() == b.starts_s.empty();
}

/// What is not the same of a case in both, in a word; empty: nothing.
std::string difference(const CaseResult& a, const CaseResult& b) {
  if (a.coordinates != b.coordinates) return "its coordinates";
  if (a.skip_reason.empty() != b.skip_reason.empty()) return "that it was skipped";
  if (a.tokens_global != b.tokens_global) return "its tokens";
  if (a.routing_checksum != b.routing_checksum) return "its routing";
  const auto same_part = [](const Measurement& x, const Measurement& y) {
    return x.part == y.part && x.work == y.work && x.role == y.role && x.baselines == y.baselines &&
           x.baseline_work_ratio == y.baseline_work_ratio && are_alike(x.samples, y.samples);
  };
  if (!std::equal(a.measurements.begin(), a.measurements.end(), b.measurements.begin(), b.measurements.end(),
                  same_part))
    return "its parts or their work";
  const auto same_meter = [](const MeterSeries& x, const MeterSeries& y) {
    return x.meter == y.meter && x.unit == y.unit && x.across_ranks == y.across_ranks &&
           are_alike(x.samples, y.samples);
  };
  return std::equal(a.meters.begin(), a.meters.end(), b.meters.begin(), b.meters.end(), same_meter) ? "" : "its meters";
}

void check_alike(const Report& report, const Report& launch) {
  if (report.cases.size() != launch.cases.size())
    throw UserError(fmt::format("the launch has {} cases, the report {}", launch.cases.size(), report.cases.size()));
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    const CaseResult &a = report.cases[i], &b = launch.cases[i];
    const std::string what = a.id == b.id ? difference(a, b) : "its name";
    if (!what.empty())
      throw UserError(fmt::format("case {} is not the same in this launch as in the report: {} differs", a.id, what));
  }
  if (report.balancing != launch.balancing)
    throw UserError("the balancing of this launch went another way than that of the report");
}

}  // namespace

std::string why_another(const Report& report, const ReportHeader& launch) {
  std::vector<std::string> differences = environment_differences(report.header(), launch);
  if (report.header().axes != launch.axes) differences.emplace_back("the axes");
  if (report.header().num_cases_planned != launch.num_cases_planned) {
    differences.push_back(
        fmt::format("planned cases: {} | {}", report.header().num_cases_planned, launch.num_cases_planned));
  }
  if (differences.empty()) return "";
  const std::size_t named = std::min(differences.size(), max_named), rest = differences.size() - named;
  differences.resize(named);
  return fmt::format("this would not be another launch of the same (report | launch): {}{}",
                     fmt::join(differences, "; "), rest > 0 ? fmt::format("; and {} more", rest) : "");
}

void add_launch(Report& report, const Report& launch) {
  check_alike(report, launch);
  report.launches.insert(report.launches.end(), launch.launches.begin(), launch.launches.end());
  for (std::size_t i = 0; i < report.cases.size(); ++i) {
    CaseResult& all = report.cases[i];
    const CaseResult& one = launch.cases[i];
    if (!all.skip_reason.empty()) continue;
    for (std::size_t m = 0; m < all.measurements.size(); ++m)
      add_samples(all.measurements[m].samples, one.measurements[m].samples);
    for (std::size_t m = 0; m < all.meters.size(); ++m) add_samples(all.meters[m].samples, one.meters[m].samples);
    add_verification(all.verification, one.verification);
  }
}

}  // namespace moeperf
