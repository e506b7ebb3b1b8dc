#include "tests/results/structure.hpp"

#include "results/routing_file.hpp"
#include "results/schema.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"
#include "tests/results/golden.hpp"
#include "tests/results/python.hpp"

namespace moeperf::test {
namespace {

std::string schema_text() { return source_text(MOEPERF_SOURCE_DIR, "results/SCHEMA.md"); }

/// The example with all that a report may hold: percentiles need many samples.
std::set<std::string> structure_of_example() {
  const TemporaryFolder folder;
  Report report = example_report();
  report.cases.push_back(example_case("many", 500, 4));
  write_report(report, folder / "report.h5");
  return structure_of((folder / "report.h5").string());
}

std::set<std::string> structure_of_routing() {
  const TemporaryFolder folder;
  RoutingWriter writer(folder / "routing.h5", false, {2, 3, 4}, 2, true, {});
  writer.finish();
  return structure_of((folder / "routing.h5").string());
}

std::string text_of(const std::set<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

TEST_CASE("reports and routings have the structure of the golden file") {
  const std::string text = "# Structure of a report. MOEPERF_UPDATE_GOLDEN=1 results_tests rewrites this file.\n" +
                           text_of(structure_of_example()) + "# Structure of a routing file.\n" +
                           text_of(structure_of_routing());
  REQUIRE(text == golden_text(MOEPERF_SOURCE_DIR, "tests/results/structure.txt", text));
}

TEST_CASE("SCHEMA.md documents what a report holds, all of it and nothing else") {
  REQUIRE(text_of(paths_of(structure_of_example())) == text_of(documented_paths(schema_text(), "Report")));
}

TEST_CASE("SCHEMA.md documents every dataset of a routing file") {
  const std::set<std::string> documented = documented_paths(schema_text(), "Routing");
  for (const std::string& path : paths_of(structure_of_routing())) {
    INFO(path);
    REQUIRE(documented.count(path) == 1);
  }
}

TEST_CASE("SCHEMA.md is about the version that is written") {
  const std::string version = "Version " + std::to_string(schema::version) + ".";
  REQUIRE(schema_text().find(version) != std::string::npos);
}

TEST_CASE("the Python of SCHEMA.md reads a report") {
  const std::string python = python_with_h5py(), schema = schema_text();
  if (python.empty()) return;
  const std::string fence = "```python\n";
  const std::size_t begin = schema.find(fence) + fence.size();
  std::string script = schema.substr(begin, schema.find("```", begin) - begin);
  const TemporaryFolder folder;
  write_report(example_report(), folder / "report.h5");
  const std::size_t name = script.find("report.h5");
  REQUIRE(name != std::string::npos);
  script.replace(name, 9, (folder / "report.h5").string());
  REQUIRE(run_python(python, script));
}

}  // namespace
}  // namespace moeperf::test
