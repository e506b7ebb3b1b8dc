#include "results/verdict.hpp"

#include "kernels/base/counted.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace moeperf {
namespace {

/// Cases that a reason names one by one; of more it gives the number.
constexpr std::size_t max_named = 5;

template <class Predicate>
void add_cases(const Report& report, const char* what, Predicate is_so, std::vector<std::string>& reasons) {
  std::vector<std::string> ids;
  for (const CaseResult& result : report.cases) {
    if (result.skip_reason.empty() && is_so(result.verification)) ids.push_back(result.id);
  }
  for (std::size_t i = 0; i < std::min(ids.size(), max_named); ++i) reasons.push_back(ids[i] + what);
  if (ids.size() > max_named) reasons.push_back(fmt::format("and {} more", ids.size() - max_named));
}

bool lacks_cases(const Report& report) {
  return static_cast<std::int64_t>(report.cases.size()) < report.header().num_cases_planned;
}

}  // namespace

std::string cases_text(const Report& report) {
  const auto count = static_cast<std::int64_t>(report.cases.size());
  if (!lacks_cases(report)) return counted(count, "case");
  return fmt::format("{} of {}", count, counted(report.header().num_cases_planned, "case"));
}

std::string verdict(const Report& report) {
  std::vector<std::string> reasons;
  // One before the last was gone on with.
  if (const std::string& reason = report.launches.back().ended_early; !reason.empty()) reasons.push_back(reason);
  if (report.status == "running") reasons.emplace_back("the run did not end");
  if (lacks_cases(report)) reasons.push_back(cases_text(report));
  const bool measured = std::any_of(report.cases.begin(), report.cases.end(),
                                    [](const CaseResult& result) { return result.skip_reason.empty(); });
  if (!measured) {
    reasons.push_back(report.cases.empty() ? "nothing was measured" : "nothing was measured: every case was skipped");
  }
  add_cases(
      report, " is wrong", [](const Verification& v) { return v.performed && !v.passed; }, reasons);
  add_cases(
      report, " is not verified", [](const Verification& v) { return !v.performed; }, reasons);
  if (reasons.empty()) return "VALID";
  return fmt::format("INVALID: {}", fmt::join(reasons, "; "));
}

bool is_valid(const std::string& status) { return status == "VALID"; }

}  // namespace moeperf
