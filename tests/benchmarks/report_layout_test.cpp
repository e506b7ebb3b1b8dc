#include "benchmarks/cli/route.hpp"
#include "benchmarks/cli/run.hpp"
#include "kernels/base/error.hpp"
#include "results/hdf5.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "tests/catch.hpp"
#include "tests/results/structure.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace moeperf::test {
namespace {

namespace fs = std::filesystem;

const std::string source = MOEPERF_SOURCE_DIR;

std::string temporary(const std::string& name) {
  return (fs::temp_directory_path() / ("moeperf_layout_" + std::to_string(getpid()) + name)).string();
}

/// What a file holds that SCHEMA.md does not mention.
std::set<std::string> undocumented(const std::string& file, const std::string& section) {
  std::stringstream schema;
  schema << std::ifstream(source + "/results/SCHEMA.md").rdbuf();
  const std::set<std::string> documented = documented_paths(schema.str(), section);
  std::set<std::string> unknown;
  for (const std::string& path : paths_of(structure_of(file))) {
    if (documented.count(path) == 0) unknown.insert(path);
  }
  return unknown;
}

/// What a smoke run prints; its report is `file`.
std::string printed_by_run(const std::string& file) {
  Communicator comm(MPI_COMM_SELF);
  RunOptions options;
  options.suite = source + "/benchmarks/workloads/smoke.toml";
  options.output = file;
  std::ostringstream printed;
  std::streambuf* before = std::cout.rdbuf(printed.rdbuf());
  const int status = run(options, comm);
  std::cout.rdbuf(before);
  REQUIRE(status == exit_ok);
  return printed.str();
}

TEST_CASE("a real report holds nothing that SCHEMA.md does not mention, and shows what the run printed") {
  const std::string file = temporary("report.h5");
  const std::string printed = printed_by_run(file);
  CHECK(undocumented(file, "Report") == std::set<std::string>{});
  std::ostringstream shown;
  show_report(shown, read_report(file));
  CHECK(printed == shown.str() + "# report: " + file + "\n");
  fs::remove(file);
}

TEST_CASE("a real routing holds what SCHEMA.md says and nothing else") {
  const Communicator comm(MPI_COMM_SELF);
  RouteOptions options;
  options.logits = temporary("logits.h5");
  options.out = temporary("routing.h5");
  options.scheme = "aux-loss";
  options.gate.top_k = 2;
  hdf5::write_dataset(hdf5::create_file(options.logits), "logits", {2, 4}, std::vector<float>{1, 2, 3, 4, 4, 3, 2, 1});
  REQUIRE(run_route(options, comm) == exit_ok);
  CHECK(undocumented(options.out, "Routing") == std::set<std::string>{});
  fs::remove(options.logits);
  fs::remove(options.out);
}

}  // namespace
}  // namespace moeperf::test
