#include "benchmarks/plan/time_estimate.hpp"

#include "harness/machine.hpp"
#include "tests/benchmarks/test_backends.hpp"
#include "tests/catch.hpp"

namespace moeperf {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("a plan's time is bounded by what its cases may sample, and the gates of its balancing steps") {
  Communicator comm(MPI_COMM_WORLD);
  const auto estimate = [&](const std::vector<Override>& overrides) {
    const std::vector<SuiteConfig> configs{parse_config(
        "[model]\nhidden = 500\nintermediate = 32\nexperts = 10\ntop_k = 2\n[phase.prefill]\ntokens_per_rank = 1000\n"
        "[balancing]\nsteps = 100\n[run]\nbenchmarks = \"balance|gate|expert\"\nschemes = [\"none\", \"ideal\"]\n"
        "kernels = \"reference\"\nmax_time_s = 3.0\n",
        "tiny.toml", overrides)};
    return estimate_time(make_plan(configs, comm, test::test_backends()), configs);
  };
  const TimeEstimate usual = estimate({});
  CHECK(usual.sampled_cases == 3);  // the gate once, experts for each scheme
  CHECK(usual.sampling_s == 9);
  CHECK(usual.balancing_steps == 400);  // two balance cases, and the two states that the experts run in
  CHECK(usual.balancing_s == test::Approx(400 * 1e7 / (TimeEstimate::gate_flop_per_s * num_threads())));
  CHECK(contains(usual.text(), "or less: 3 cases sampled about 9 s or less, 400 balancing steps"));
  CHECK(contains(estimate({"run.samples=5"}).text(), "as long as the samples asked for take"));
}

}  // namespace
}  // namespace moeperf
