#include "benchmarks/cli/route.hpp"
#include "benchmarks/suite/run.hpp"
#include "kernels/base/error.hpp"
#include "results/hdf5.hpp"
#include "tests/catch.hpp"
#include "tests/results/structure.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
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

TEST_CASE("a real report holds nothing that SCHEMA.md does not mention") {
  Communicator comm(MPI_COMM_SELF);
  RunOptions options;
  options.suite = source + "/benchmarks/workloads/smoke.toml";
  options.output = temporary("report.h5");
  REQUIRE(run(options, comm) == exit_ok);
  CHECK(undocumented(options.output, "Report") == std::set<std::string>{});
  fs::remove(options.output);
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
