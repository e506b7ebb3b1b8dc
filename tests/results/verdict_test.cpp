#include "results/verdict.hpp"

#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

namespace moeperf::test {
namespace {

Report right_report() {
  Report report = example_report();
  report.status.clear();
  report.cases[1].verification = report.cases[0].verification;
  return report;
}

TEST_CASE("a report of all cases, right or skipped, is VALID") {
  REQUIRE(verdict(right_report()) == "VALID");
  REQUIRE(is_valid(verdict(right_report())));
}

TEST_CASE("nothing measured is not VALID") {
  Report report = right_report();
  for (CaseResult& result : report.cases) result.skip_reason = "no transport here";
  REQUIRE(verdict(report) == "INVALID: nothing was measured: every case was skipped");
  REQUIRE_FALSE(is_valid(verdict(report)));
  report.cases.clear();
  report.header().num_cases_planned = 0;
  REQUIRE(verdict(report) == "INVALID: nothing was measured");
}

TEST_CASE("cases that are wrong or not verified are named, many of them counted") {
  Report report = right_report();
  report.cases[0].verification.passed = false;
  report.cases[2].verification.performed = false;
  REQUIRE(verdict(report) == "INVALID: layer_none is wrong; dispatch is not verified");
  report.cases[2].verification = {};
  REQUIRE(verdict(report) == "INVALID: layer_none is wrong; dispatch is not verified");
  report.cases.assign(20, report.cases[0]);
  REQUIRE(verdict(report).ends_with("layer_none is wrong; and 15 more"));
}

TEST_CASE("a run that ended early, or did not end, is INVALID with the reason and how far it came") {
  Report report = right_report();
  report.header().num_cases_planned = 52;
  REQUIRE(verdict(report) == "INVALID: 4 of 52 cases");
  report.launches.back().ended_early = "SIGTERM";
  REQUIRE(verdict(report) == "INVALID: SIGTERM; 4 of 52 cases");
  report.launches.back().ended_early.clear();
  report.status = "running";
  REQUIRE(verdict(report) == "INVALID: the run did not end; 4 of 52 cases");
}

TEST_CASE("a launch that ended early and was gone on with takes nothing away") {
  Report report = right_report();
  report.launches.push_back(report.launches.back());
  report.launches.front().ended_early = "killed";
  REQUIRE(verdict(report) == "VALID");
}

}  // namespace
}  // namespace moeperf::test
