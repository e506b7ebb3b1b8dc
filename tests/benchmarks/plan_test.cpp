#include "benchmarks/plan/plan.hpp"

#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/configuration/axis.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/base/error.hpp"
#include "tests/benchmarks/test_backends.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_axes.hpp"

#include <memory>
#include <optional>

namespace moeperf {
namespace {

TEST_CASE("a dispatcher that must know the largest batch beforehand is told it") {
  Communicator comm(MPI_COMM_SELF);
  SuiteConfig config = parse_config(
      "[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 2\n"
      "[phase.decode]\ntokens_per_rank = 16\n",
      "small.toml", {});
  config.run.benchmarks = "dispatch";
  config.run.axes["dispatcher"] = {"mpi-low-latency"};
  config.run.axes["kernel"] = {"reference"};
  config.run.axes["scheme"] = {"none"};
  const std::vector<PlannedCase> plan = make_plan({config}, comm, test::test_backends());
  REQUIRE(plan.size() == 1);
  REQUIRE(dispatcher_of(plan[0].spec) == "mpi-low-latency");
  REQUIRE(plan[0].skip_reason == "");
}

TEST_CASE("the layer is measured before its parts, in the state that balancing leaves to it") {
  Communicator comm(MPI_COMM_SELF);
  SuiteConfig config = parse_config(
      "[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 2\n"
      "[phase.decode]\ntokens_per_rank = 16\n",
      "small.toml", {});
  config.run.axes["kernel"] = {"reference"};
  std::vector<std::string> order;
  for (const PlannedCase& planned : make_plan({config}, comm, test::test_backends())) {
    if (order.empty() || order.back() != planned.kind->name) order.push_back(planned.kind->name);
  }
  REQUIRE(order == std::vector<std::string>{"balance", "layer", "gate", "permute", "expert", "link", "dispatch",
                                            "combine", "chain"});
}

/// The cases of a small model; the dispatcher `test-never` can run nowhere.
std::vector<PlannedCase> plan_of(const std::vector<Override>& overrides) {
  static const Registration<DispatcherRegistry> never(
      dispatcher_registry(),
      {"test-never", "", -1, [](const DispatchContext&) -> std::optional<std::string> { return "no transport here"; },
       [](const DispatchContext&) -> std::unique_ptr<Dispatcher> { throw UnsupportedError("no transport here"); }, ""});
  Communicator comm(MPI_COMM_SELF);
  return make_plan({parse_config("[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 2\n"
                                 "[run]\nkernels = [\"auto\"]\n",
                                 "small.toml", overrides)},
                   comm, test::test_backends());
}

/// Whether all those that cannot run, or all that can, should.
bool should_run(const std::vector<PlannedCase>& plan, bool skipped) {
  bool all = true, any = false;
  for (const PlannedCase& planned : plan) {
    if (planned.skip_reason.empty() == skipped) continue;
    any = true;
    all = all && planned.should_run;
  }
  return any && all;
}

TEST_CASE("what cannot run should have run only where it was asked for by its name, not by all") {
  const std::string never = "run.dispatchers=['test-never']", all = "run.dispatchers=['all']";
  const std::string dispatch = "run.benchmarks='dispatch'", none = "run.schemes=['none']";
  REQUIRE(should_run(plan_of({never, dispatch, none}), true));
  REQUIRE_FALSE(should_run(plan_of({all, dispatch, none}), true));  // that all do not run is no surprise
  REQUIRE(should_run(plan_of({all, dispatch}), false));
  REQUIRE(should_run(plan_of({all, "run.benchmarks='gate|dispatch'"}), false));
  REQUIRE(should_run(plan_of({all, "run.benchmarks='disp.*'", none}), false));
  REQUIRE_FALSE(should_run(plan_of({all, "run.benchmarks='disp.*'"}), false));
}

TEST_CASE("the program's axes are those of the reports that the tests of results/ keep") {
  std::vector<std::string> program, kept;
  for (const ReportAxis& axis : report_axes()) program.push_back(axis.name);
  for (const ReportAxis& axis : test::example_axes()) kept.push_back(axis.name);
  INFO("a new axis goes into tests/results/example_axes.hpp, too, as its registration describes it");
  REQUIRE(program == kept);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    INFO("axis " << kept[i]);
    REQUIRE(report_axes()[i] == test::example_axes()[i]);
  }
}

TEST_CASE("cases stand kernel by kernel, benchmark by benchmark, then wire, dispatcher, scheme, chunks") {
  std::vector<std::string> ids;
  for (const PlannedCase& planned :
       plan_of({"run.benchmarks='layer|permute'", "run.kernels=['reference']", "run.wire=['native', 'fp8']",
                "run.dispatchers=['mpi-alltoallv', 'reference']", "run.schemes=['none']", "run.chunks=[1, 2]"})) {
    ids.push_back(planned.id);
  }
  REQUIRE(ids == std::vector<std::string>{"0001_layer_small_prefill_none_mpi-alltoallv_reference",
                                          "0002_layer_small_prefill_none_mpi-alltoallv_reference_chunks2",
                                          "0003_layer_small_prefill_none_reference_reference",
                                          "0004_layer_small_prefill_none_reference_reference_chunks2",
                                          "0005_layer_small_prefill_none_mpi-alltoallv_reference_fp8",
                                          "0006_layer_small_prefill_none_mpi-alltoallv_reference_fp8_chunks2",
                                          "0007_layer_small_prefill_none_reference_reference_fp8",
                                          "0008_layer_small_prefill_none_reference_reference_fp8_chunks2",
                                          "0009_permute_small_prefill_none_reference"});
}

TEST_CASE("a name that is unknown on an axis is an error, whatever is to run") {
  REQUIRE_THROWS_AS(plan_of({"run.benchmarks='gate'", "run.schemes=['luck']"}), UserError);
  REQUIRE_THROWS_AS(plan_of({"run.benchmarks='gate'", "run.dispatchers=['pigeon']"}), UserError);
}

TEST_CASE("numbers of chunks given twice are planned once") {
  const auto layers = [](const std::string& chunks) {
    return plan_of({"run.benchmarks='layer'", "run.schemes=['none']", "run.chunks=" + chunks}).size();
  };
  REQUIRE(layers("[1, 2, 1, 2]") == layers("[1, 2]"));
  REQUIRE(layers("[1, 2]") == 2);
}

}  // namespace
}  // namespace moeperf
