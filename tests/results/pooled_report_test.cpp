#include "results/pooled_report.hpp"

#include "kernels/base/error.hpp"
#include "results/reader.hpp"
#include "results/statistics.hpp"
#include "results/verdict.hpp"
#include "results/writer.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <functional>

namespace moeperf::test {
namespace {

/// A launch of the same with times of its own and another number of samples.
Report another_launch(const Report& report) {
  Report launch = report;
  launch.header().run_id = "another";
  launch.header().start_time = "2026-01-02T00:00:00Z";
  launch.header().command_line += " --append x.h5";
  launch.launches[0].end_time = "2026-01-02T00:01:00Z";
  for (CaseResult& result : launch.cases) {
    for (Measurement& m : result.measurements) {
      const auto more = static_cast<std::size_t>(m.samples.num_ranks * 2);
      m.samples.launch_sizes[0] += 2;
      m.samples.values.insert(m.samples.values.end(), more, 5.0);
      if (!m.samples.starts_s.empty()) m.samples.starts_s.insert(m.samples.starts_s.end(), more, 5.0);
      m.samples.invalid = {{1, 0, "late"}};
    }
    for (MeterSeries& meter : result.meters) {
      const auto more = static_cast<std::size_t>(meter.samples.num_ranks * 2);
      meter.samples.launch_sizes[0] += 2;
      meter.samples.values.insert(meter.samples.values.end(), more, 5.0);
      if (!meter.samples.starts_s.empty()) meter.samples.starts_s.insert(meter.samples.starts_s.end(), more, 5.0);
    }
  }
  return launch;
}

TEST_CASE("a report takes a launch of the same, and comes back from its file as it is") {
  const Report first = example_report(), second = another_launch(first);
  REQUIRE(why_another(first, second.header()).empty());
  Report report = first;
  add_launch(report, second);
  REQUIRE(report.launches.size() == 2);
  const Samples &all = report.cases[0].measurements[0].samples, &before = first.cases[0].measurements[0].samples;
  const std::int64_t size = before.launch_sizes[0];
  REQUIRE(all.launch_sizes == std::vector<std::int64_t>{size, size + 2});
  REQUIRE(all.num_samples() == 2 * size + 2);
  REQUIRE(all.at(2 * size + 1, 0) == 5.0);
  REQUIRE(all.invalid.back() == InvalidSample{size + 1, 0, "late"});
  REQUIRE(launch_medians(all).size() == 2);
  REQUIRE(summarize(all).median_s == (launch_medians(all)[0] + launch_medians(all)[1]) / 2);
  REQUIRE_FALSE(summarize(all).ci95_reached);

  const TemporaryFolder folder;
  report.status = verdict(report);
  write_whole(report, folder / "pooled.h5", false);
  REQUIRE(read_report(folder / "pooled.h5") == report);
}

TEST_CASE("what is none of the report's launches is refused, saying what differs") {
  const Report report = example_report();
  const auto reason = [&](const std::function<void(ReportHeader&)>& change) {
    ReportHeader header = report.header();
    change(header);
    return why_another(report, header);
  };
  REQUIRE(reason([](ReportHeader&) {}).empty());
  REQUIRE(reason([](ReportHeader& h) { h.seed = 99; }).find("seed: ") != std::string::npos);
  REQUIRE(reason([](ReportHeader& h) { h.num_ranks = 99; }).find("ranks: ") != std::string::npos);
  REQUIRE(reason([](ReportHeader& h) { h.config += "\nmore = 1"; }).find("more = 1") != std::string::npos);
  REQUIRE(reason([](ReportHeader& h) { h.environment.nodes[0].second[0] = "x"; }).find("node host") !=
          std::string::npos);
  REQUIRE(reason([](ReportHeader& h) { h.num_cases_planned = 1; }).find("planned cases: ") != std::string::npos);
  REQUIRE(reason([](ReportHeader& h) { h.axes.pop_back(); }).find("the axes") != std::string::npos);

  const auto refused = [&](const std::function<void(Report&)>& change) {
    Report launch = another_launch(report), pooled = report;
    change(launch);
    try {
      add_launch(pooled, launch);
    } catch (const UserError& error) {
      REQUIRE(pooled == report);
      return std::string(error.what());
    }
    return std::string();
  };
  REQUIRE(refused([](Report&) {}).empty());
  const auto says = [&](const std::string& part, const std::function<void(Report&)>& change) {
    return refused(change).find(part) != std::string::npos;
  };
  REQUIRE(says("its routing", [](Report& r) { r.cases[0].routing_checksum = "0"; }));
  REQUIRE(says("its tokens", [](Report& r) { r.cases[0].tokens_global = 1; }));
  REQUIRE(says("that it was skipped", [](Report& r) { r.cases[0].skip_reason = "no"; }));
  REQUIRE(says("its parts", [](Report& r) { r.cases[0].measurements.pop_back(); }));
  REQUIRE(says("its parts or their work", [](Report& r) { r.cases[0].measurements[0].work.flop_useful = 1; }));
  REQUIRE(says("its name", [](Report& r) { r.cases[0].id = "x"; }));
  REQUIRE(says("cases, the report", [](Report& r) { r.cases.pop_back(); }));
  REQUIRE(says("balancing", [](Report& r) { r.balancing[0].maxvio[0] += 1; }));
}

TEST_CASE("a launch with wrong results makes the whole report INVALID") {
  Report report = example_report();
  for (CaseResult& result : report.cases) {
    result.verification.performed = result.verification.passed = true;
    result.verification.failed.clear();
  }
  report.header().num_cases_planned = static_cast<std::int64_t>(report.cases.size());
  report.status = "VALID";
  Report launch = another_launch(report);
  launch.cases[0].verification.passed = false;
  launch.cases[0].verification.failed = {"a claim"};
  add_launch(report, launch);
  REQUIRE_FALSE(is_valid(verdict(report)));
  REQUIRE(report.cases[0].verification.failed == std::vector<std::string>{"a claim"});
}

}  // namespace
}  // namespace moeperf::test
