// A scheme of the tests' own: the bias moves with a momentum, which the scheme keeps in the state.

#include "benchmarks/inputs/balancing_steps.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "harness/machine.hpp"
#include "harness/runner.hpp"
#include "tests/catch.hpp"

#include <cmath>
#include <numeric>

namespace moeperf {
namespace {

constexpr float rate = 0.01f, decay = 0.5f;

/// v = decay · v + rate · sign(c̄ − c), b += factor · v. Right with a factor of 1.
class Momentum final : public BalancingScheme {
 public:
  Momentum(const SchemeContext& context, float factor) : reducer_(*context.reducer), factor_(factor) {}
  std::string_view name() const override { return "test-momentum"; }
  bool has_bias() const override { return true; }

  RouterChange update(const GateBatch& batch, SchemeMemory& memory) override {
    std::vector<std::int64_t> load(batch.bias.size(), 0);
    for (const std::int32_t expert : batch.routing->topk_idx) ++load[static_cast<std::size_t>(expert)];
    reducer_.sum(std::span(load));
    std::vector<float>& velocity = memory["velocity"];
    velocity.resize(load.size(), 0.0f);
    push(velocity, load);
    change_.assign(load.size(), 0.0);
    for (std::size_t i = 0; i < load.size(); ++i) change_[i] = factor_ * velocity[i];
    return {.bias = change_};
  }

  std::vector<Claim> check(const SchemeRecord& record) override {
    Claim claim{"the bias moves with its momentum"};
    std::vector<float> velocity(static_cast<std::size_t>(record.num_experts), 0.0f), bias = velocity;
    for (std::int64_t step = 0; step < record.num_steps(); ++step) {
      push(velocity, record.load_of(step));
      for (std::size_t i = 0; i < bias.size(); ++i) bias[i] += velocity[i];
    }
    claim.require(record.reached->bias == bias);
    claim.require(record.reached->extra.at("velocity") == velocity);
    return {claim};
  }

 private:
  static void push(std::vector<float>& velocity, std::span<const std::int64_t> load) {
    const std::int64_t total = std::accumulate(load.begin(), load.end(), std::int64_t{0});
    for (std::size_t i = 0; i < load.size(); ++i) {
      const std::int64_t missing = total - static_cast<std::int64_t>(load.size()) * load[i];
      velocity[i] = decay * velocity[i] + rate * (missing > 0 ? 1.0f : missing < 0 ? -1.0f : 0.0f);
    }
  }

  Reducer& reducer_;
  float factor_;
  std::vector<double> change_;
};

void register_schemes() {
  static bool registered = false;
  if (registered) return;
  for (const auto& [name, factor] : {std::pair{"test-momentum", 1.0f}, std::pair{"test-wrong-momentum", 2.0f}}) {
    scheme_registry().add({name,
                           "of the tests' own",
                           -1,
                           {},
                           [factor = factor](const SchemeContext& context) -> std::unique_ptr<BalancingScheme> {
                             return std::make_unique<Momentum>(context, factor);
                           },
                           ""});
  }
  registered = true;
}

SuiteConfig config_of_phase(const std::string& phase) {
  return parse_config(
      "[model]\nhidden = 32\nintermediate = 16\nexperts = 6\ntop_k = 2\n[balancing]\nsteps = 12\n[phase." + phase +
          "]\ntokens_per_rank = 9\n",
      "momentum.toml", {});
}

Verification run_benchmark(Problem& problem, const std::string& benchmark, const std::string& scheme) {
  register_schemes();
  const Instruments instruments(problem.comm());
  Watch watch;
  CaseResult result;
  const auto kind = chosen_kinds(benchmark).at(0);
  auto made = kind->make(problem, {{"kernel", "reference"}, {"scheme", scheme}, {"dispatcher", "mpi-alltoallv"}});
  run_case(*made, problem.comm(), instruments, SamplingPlan{0, 1, 0.0, 0.5}, watch, result);
  INFO(result.skip_reason);
  REQUIRE(result.skip_reason.empty());
  return result.verification;
}

TEST_CASE("a scheme with another rule than ours is right by its own check", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const SuiteConfig config = config_of_phase("train");
  Backends backends({num_threads()});
  ExpertBank bank(backends);
  Problem problem(config.workload, config.workload.phases[0], config.run, comm, bank);
  const Verification right = run_benchmark(problem, "balance", "test-momentum");
  INFO(right.scope);
  CHECK(right.passed);
  CHECK(right.scope.find("the bias moves with its momentum") != std::string::npos);
  const Verification wrong = run_benchmark(problem, "balance", "test-wrong-momentum");
  CHECK_FALSE(wrong.passed);
  CHECK(wrong.failed == std::vector<std::string>{"the bias moves with its momentum"});
}

TEST_CASE("a scheme's momentum goes from balance to layer, and is the same without balance", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const SuiteConfig config = config_of_phase("train");
  Backends backends({num_threads()});
  ExpertBank bank(backends);
  Problem balanced(config.workload, config.workload.phases[0], config.run, comm, bank);
  Problem unbalanced(config.workload, config.workload.phases[0], config.run, comm, bank);
  REQUIRE(run_benchmark(balanced, "balance", "test-momentum").passed);
  const GateState& state = balanced.state("test-momentum", "reference").gate;
  REQUIRE(state.extra.count("velocity") == 1);
  const std::vector<float> velocity = state.extra.at("velocity");
  CHECK(std::any_of(velocity.begin(), velocity.end(), [](float v) { return v != 0; }));
  CHECK(copy_of(state).extra == state.extra);
  CHECK(unbalanced.state("test-momentum", "reference").gate.extra == state.extra);

  // In the train phase the layer updates a copy: the state it measures in stays what it was.
  REQUIRE(run_benchmark(balanced, "layer", "test-momentum").passed);
  CHECK(balanced.state("test-momentum", "reference").gate.extra.at("velocity") == velocity);
}

}  // namespace
}  // namespace moeperf
