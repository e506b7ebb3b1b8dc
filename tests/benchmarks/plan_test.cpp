#include "benchmarks/suite/plan.hpp"

#include "comm/mpi/communicator.hpp"
#include "tests/catch.hpp"

namespace moeperf {
namespace {

TEST_CASE("a dispatcher that must know the largest batch beforehand is told it") {
  Communicator comm(MPI_COMM_SELF);
  SuiteConfig config = parse_config(
      "[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 2\n"
      "[phase.decode]\ntokens_per_rank = 16\n",
      "small.toml", {});
  config.run.benchmarks = "dispatch";
  config.run.dispatchers = {"mpi-low-latency"};
  config.run.kernels = {"reference"};
  config.run.schemes = {"none"};
  const std::vector<PlannedCase> plan = make_plan({config}, comm);
  REQUIRE(plan.size() == 1);
  REQUIRE(plan[0].spec.dispatcher == "mpi-low-latency");
  REQUIRE(plan[0].skip == "");
}

}  // namespace
}  // namespace moeperf
