#include "results/show.hpp"

#include "results/reader.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"
#include "tests/results/golden.hpp"

#include <algorithm>
#include <sstream>

namespace moeperf::test {
namespace {

std::string shown(const Report& report) {
  std::ostringstream out;
  show_report(out, report);
  return out.str();
}

/// Times without chance, so that every figure shown can be kept.
Report even_report() {
  Report report = example_report();
  for (CaseResult& result : report.cases) {
    for (Measurement& m : result.measurements) {
      const double time_s = m.part == "layer" ? 2e-3 : m.part == "bare" ? 2e-4 : 3e-4;
      for (std::size_t i = 0; i < m.samples.values.size(); ++i) {
        m.samples.values[i] = time_s * (1 + 0.01 * static_cast<double>(i % 7));
      }
    }
  }
  return report;
}

TEST_CASE("the summary of the example report is the one that is kept") {
  const std::string text = shown(even_report());
  REQUIRE(text == golden_text(MOEPERF_SOURCE_DIR, "tests/results/show.txt", text));
}

TEST_CASE("the summary follows from the file alone") {
  const TemporaryFolder folder;
  const Report report = example_report();
  write_report(report, folder / "report.h5");
  REQUIRE(shown(read_report(folder / "report.h5")) == shown(report));
}

TEST_CASE("the report of a killed run is shown as INVALID, with what was measured") {
  Report report = example_report();
  report.status = "running";
  report.launches.back().end_time.clear();
  const std::string text = shown(report);
  REQUIRE(text.find("# status: INVALID: the run did not end") != std::string::npos);
  REQUIRE(text.find("layer_tokens_per_s[") != std::string::npos);
}

TEST_CASE("what is shown of part of a run says how much of the whole it is, and why it ended") {
  Report report = example_report();
  report.header().num_cases_planned = 52;
  report.status = "INVALID: SIGTERM";
  report.launches.back().ended_early = "SIGTERM";
  const std::string text = shown(report);
  REQUIRE(text.find("\n# 4 of 52 cases: 1 skipped") != std::string::npos);
  REQUIRE(text.find("\n# finding: the run ended early, with 4 of 52 cases: SIGTERM\n") != std::string::npos);
  REQUIRE(text.find("# finding: ") < text.find("# status: "));
}

TEST_CASE("too few samples show no infinite interval, and one of a thing no plural") {
  Report report = even_report();
  report.header().num_ranks = report.header().num_nodes = report.header().num_cases_planned = 1;
  report.header().environment.facts["threads_per_rank"] = "1";
  report.cases.resize(1);
  report.cases[0].coordinates["tokens"] = "1";
  for (Measurement& m : report.cases[0].measurements) {
    m.samples = {.num_ranks = 1, .launch_sizes = {3}, .values = {1e-3, 2e-3, 3e-3}};
  }
  const std::string text = shown(report);
  INFO(text);
  for (const char* wrong : {"inf", "nan", "1 ranks", "1 nodes", "1 threads", "1 cases", "1 tokens"}) {
    INFO(wrong);
    REQUIRE(text.find(wrong) == std::string::npos);
  }
  REQUIRE(text.find("# 1 rank on 1 node, 1 thread per rank, seed ") != std::string::npos);
  REQUIRE(text.find("# toy decode, 1 token per rank") != std::string::npos);
}

TEST_CASE("lines fit a terminal of 112 columns") {
  std::istringstream lines(shown(even_report()));
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    REQUIRE(line.size() <= 112);
  }
}

TEST_CASE("an empty report is shown without figures") {
  const std::string text = shown({});
  REQUIRE(text.find("nan") == std::string::npos);
  REQUIRE(text.find("0 cases") != std::string::npos);
}

}  // namespace
}  // namespace moeperf::test
