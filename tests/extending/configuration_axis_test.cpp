// An axis of configurations, as a contributor would add it: everything above the tests is what its file
// benchmarks/axes/skew.cpp would hold. Each value makes a workload of its own. No other file knows it.

#include "benchmarks/cli/run.hpp"
#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/configuration/config.hpp"
#include "kernels/base/error.hpp"
#include "results/reader.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <set>

namespace moeperf {
namespace {

/// Targets of the traffic's imbalance, one after the other; where none is wanted the workload's own.
std::vector<AxisValue> skews(const AxisContext& context) {
  std::vector<AxisValue> values;
  for (const std::string& text : context.config.run.wanted("skew")) {
    std::size_t end = 0;
    const double target = text.find_first_not_of("0123456789.") == std::string::npos ? std::stod(text, &end) : -1;
    if (end != text.size() || target < 0) {
      throw UserError(fmt::format("run.skew: '{}' given; accepted: numbers, 0 or more", text));
    }
    values.push_back({text, "", true});
  }
  return values;
}

const AxisRegistration skew_registration(
    {.name = "skew", .unit = "MaxVio", .key = "skew={}"},
    {.key = "skew",
     .option = "--skew",
     .help = "Targets of the traffic's imbalance, one after the other [traffic.target_maxvio]",
     .is_everywhere = true,
     .values = skews,
     .id = "skew{}",
     .apply = [](SuiteConfig& config, const std::string& text) {
       config.workload.traffic.target_maxvio = std::stod(text);
     }});

// ---- The program with it.

TEST_CASE("each value on an axis of configurations makes a workload of its own", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "skew");
  if (comm.is_root()) {
    std::ofstream(folder / "tiny.toml")
        << "[model]\nhidden = 32\nintermediate = 16\nexperts = 6\ntop_k = 2\n[phase.decode]\ntokens_per_rank = 64\n";
  }
  comm.barrier();
  RunOptions options;
  options.suite = folder / "tiny.toml";
  options.benchmarks = "gate|permute";
  options.axes = {
      {"kernel", {"reference"}}, {"scheme", {"none"}}, {"traffic", {"topics", "uniform"}}, {"skew", {"0.25", "1"}}};
  options.samples = 1;
  options.output = folder / "report.h5";
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) {
    const Report report = read_report(options.output);
    REQUIRE(report.cases.size() == 8);
    std::map<std::string, std::set<std::string>> checksums;
    std::vector<std::string> points;
    for (const CaseResult& result : report.cases) {
      if (result.on("benchmark") != "permute") continue;
      points.push_back(result.on("traffic") + " " + result.on("skew"));
      checksums[result.on("traffic")].insert(result.routing_checksum);
      if (result.on("traffic") != "topics") continue;
      CHECK(result.metrics.at("traffic_target_maxvio") == std::stod(result.on("skew")));
      CHECK(result.id.find("_topics_skew" + result.on("skew") + "_") != std::string::npos);
    }
    CHECK(points == std::vector<std::string>{"topics 0.25", "topics 1", "uniform 0.25", "uniform 1"});
    CHECK(checksums["topics"].size() == 2);
    CHECK(checksums["uniform"].size() == 1);  // has no target
  }
  comm.barrier();
  options.axes["skew"] = {"much"};
  CHECK_THROWS_AS(run(options, comm), UserError);
}

}  // namespace
}  // namespace moeperf
