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

TEST_CASE("the layer is measured before its parts, in the state that balancing leaves to it") {
  Communicator comm(MPI_COMM_SELF);
  SuiteConfig config = parse_config(
      "[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 2\n"
      "[phase.decode]\ntokens_per_rank = 16\n",
      "small.toml", {});
  config.run.kernels = {"reference"};
  std::vector<std::string> order;
  for (const PlannedCase& planned : make_plan({config}, comm)) {
    if (order.empty() || order.back() != planned.kind->name) order.push_back(planned.kind->name);
  }
  REQUIRE(order ==
          std::vector<std::string>{"balance", "layer", "gate", "permute", "expert", "link", "dispatch", "combine"});
}

}  // namespace
}  // namespace moeperf
