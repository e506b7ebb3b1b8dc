#include "results/case_key.hpp"

#include "results/show.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_axes.hpp"
#include "tests/results/example_report.hpp"

#include <map>
#include <set>
#include <sstream>

namespace moeperf::test {
namespace {

/// A case of a benchmark with the parts that its end table shows.
CaseResult timed(const std::string& benchmark, const std::string& id) {
  CaseResult result = example_case(id, 8, 1);
  result.coordinates["benchmark"] = benchmark;
  Measurement m = result.measurements.back();
  result.measurements.clear();
  for (const std::string& part : {benchmark, std::string("intra_latency"), std::string("inter_latency")}) {
    m.part = part;
    result.measurements.push_back(m);
  }
  return result;
}

/// Every benchmark with every axis at another value than usual, one at a time, and each of these twice, as workloads of
/// one name have it. Times are the same, so that nothing but coordinates tells rows apart.
Report swept_report() {
  Report report;
  report.header() = example_report().header();
  const auto add = [&](CaseResult result) {
    for (int twice = 0; twice < 2; ++twice) {
      result.id = "case" + std::to_string(report.cases.size());
      report.cases.push_back(result);
      if (result.on("benchmark") != "balance") continue;
      BalancingTrajectory t = example_report().balancing.back();
      t.id = result.id;
      report.balancing.push_back(t);
    }
  };
  for (const std::string benchmark : {"balance", "layer", "dispatch", "combine", "link", "tune"}) {
    add(timed(benchmark, ""));
    for (const ReportAxis& axis : example_axes()) {
      CaseResult other = timed(benchmark, "");
      other.coordinates[axis.name] = "another-" + axis.name;
      if (axis.name != "benchmark") add(other);
    }
  }
  return report;
}

std::vector<std::string> end_lines(const Report& report) {
  std::stringstream text;
  show_end(text, report);
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("cases that differ in one coordinate, whichever it is, have different keys") {
  const CaseResult usual = timed("layer", "");
  std::set<std::string> keys{case_key(example_axes(), usual)};
  for (const ReportAxis& axis : example_axes()) {
    CaseResult other = usual;
    other.coordinates[axis.name] = "another";
    INFO(axis.name);
    REQUIRE(keys.insert(case_key(example_axes(), other)).second);
    REQUIRE(case_key(example_axes(), other, {axis.name}) == case_key(example_axes(), usual, {axis.name}));
  }
}

TEST_CASE("a key names what a case depends on, and leaves out what is as usual") {
  CaseResult result = timed("dispatch", "");
  REQUIRE(case_key(example_axes(), result) == "dispatch/toy/decode/none/mpi-alltoallv/cpu/bf16/tokens=128");
  result.coordinates["traffic"] = "topics";
  result.coordinates["wire"] = "bf16";
  REQUIRE(case_key(example_axes(), result) == "dispatch/toy/decode/none/mpi-alltoallv/cpu/bf16/tokens=128/topics");
  result.coordinates["wire"] = "fp8";
  result.coordinates["chunks"] = "4";
  result.coordinates["weights"] = "pooled";
  result.coordinates["dispatcher"] = "-";
  REQUIRE(case_key(example_axes(), result, {"benchmark"}) ==
          "toy/decode/none/cpu/bf16/tokens=128/topics/wire=fp8/chunks=4/weights=pooled");
}

TEST_CASE("tokens of hundreds of ranks are their sum in a key") {
  CaseResult result = timed("dispatch", "");
  for (int rank = 1; rank < 512; ++rank) result.coordinates["tokens"] += ",0";
  result.tokens_global = 128;
  REQUIRE(case_key(example_axes(), result).ends_with("/bf16/tokens=128-in-all"));
}

TEST_CASE("a metric's name is unique in a report, whatever axes vary, with workloads of one name too") {
  std::map<std::string, int> names;
  for (const std::string& line : end_lines(swept_report())) {
    if (line.front() == '#') continue;
    const std::size_t end = line.find("] = ");
    REQUIRE(end != std::string::npos);
    INFO(line);
    REQUIRE(++names[line.substr(0, end)] == 1);
  }
  // Of the layer and of tune: the usual case and each axis but the benchmark, twice.
  REQUIRE(names.size() == 2 * 2 * example_axes().size());
}

TEST_CASE("rows of the end tables can be told apart, whatever axes vary, with workloads of one name too") {
  std::set<std::string> rows;
  int num_rows = 0;
  std::string title;
  for (const std::string& line : end_lines(swept_report())) {
    if (line.starts_with("# Balancing") || line.starts_with("# Links") || line.starts_with("# Exchanges") ||
        line.starts_with("# Tuning") || line.starts_with("# Layer")) {
      title = line.substr(2, 5);
    }
    if (!line.starts_with("# toy") && !line.starts_with("# another-workload")) continue;
    ++num_rows;
    INFO(line);
    REQUIRE(rows.insert(title + line).second);
  }
  // Three parts of tune, two of link, one of the others.
  REQUIRE(num_rows == (1 + 1 + 1 + 1 + 2 + 3) * 2 * static_cast<int>(example_axes().size()));
}

TEST_CASE("a table has a column for an axis only where it takes it to tell rows apart") {
  Report report = swept_report();
  report.balancing.clear();
  const auto header = [&] {
    for (const std::string& line : end_lines(report)) {
      if (line.starts_with("# workload")) return line;
    }
    return std::string();
  };
  const CaseResult usual = timed("layer", "a");
  report.cases = {usual, usual};
  report.cases[1].coordinates["scheme"] = "ideal";
  REQUIRE(header().find("tokens  ") == std::string::npos);
  report.cases[1].coordinates["tokens"] = "64";  // goes with the scheme, which is there
  REQUIRE(header().find("tokens  ") == std::string::npos);
  report.cases[1].coordinates["scheme"] = "none";
  REQUIRE(header().find("tokens  ") != std::string::npos);
  REQUIRE(header().find("traffic") == std::string::npos);
}

}  // namespace
}  // namespace moeperf::test
