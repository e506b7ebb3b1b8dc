#include "benchmarks/suite/memory_estimate.hpp"

#include "benchmarks/suite/expert_bank.hpp"

#include "tests/catch.hpp"

namespace moeperf {
namespace {

SuiteConfig large_model() {
  return parse_config(
      "[model]\nhidden = 7168\nintermediate = 2048\nexperts = 256\ntop_k = 8\nshared_experts = 1\n"
      "[phase.decode]\ntokens_per_rank = 128\n",
      "large.toml", {});
}

RankMemory ranks_of(int num_ranks, std::int64_t available_gib) {
  return {num_ranks, available_gib << 30, std::int64_t{32} << 20};
}

TEST_CASE("a model larger than memory is refused with figures and with what would fit") {
  SuiteConfig config = large_model();
  const std::string text = memory_problem(config, ranks_of(2, 9));
  REQUIRE(text.find("needs") != std::string::npos);
  REQUIRE(text.find("--expert-weights pooled") != std::string::npos);
  REQUIRE(text.find("ranks") != std::string::npos);
  REQUIRE(memory_problem(config, ranks_of(2, 200)).empty());
  config.run.expert_weights = ExpertWeightsMode::pooled;
  REQUIRE(memory_problem(config, ranks_of(2, 9)).empty());
}

TEST_CASE("the number of ranks that a refusal proposes is accepted") {
  const SuiteConfig config = large_model();
  const std::string text = memory_problem(config, ranks_of(1, 9));
  const auto end = text.find(" ranks with");
  REQUIRE(end != std::string::npos);
  const int proposed = std::stoi(text.substr(text.rfind(' ', end - 1)));
  REQUIRE(proposed > 1);
  REQUIRE(memory_problem(config, ranks_of(proposed, 9)).empty());
  REQUIRE_FALSE(memory_problem(config, ranks_of(proposed / 2, 9)).empty());
}

TEST_CASE("the estimate falls with ranks and counts all experts' weights") {
  const SuiteConfig config = large_model();
  const Phase& phase = config.workload.phases[0];
  const auto at = [&](int ranks) { return estimate_memory(config, phase, ranks_of(ranks, 0)).expert_weights; };
  const std::int64_t one = routed_expert_shape(config.workload.model).weight_bytes();
  REQUIRE(at(1) >= 256 * one);
  REQUIRE(at(1) > at(2));
  REQUIRE(at(512) < 10 * one);
}

TEST_CASE("the dispatcher that gathers everything is counted with all ranks' tokens") {
  SuiteConfig config = large_model();
  const Phase& phase = config.workload.phases[0];
  const std::int64_t without = estimate_memory(config, phase, ranks_of(64, 0)).exchange;
  config.run.dispatchers = {"mpi-alltoallv", "reference"};
  const std::int64_t copies = 64 * 128 * 8;
  REQUIRE(estimate_memory(config, phase, ranks_of(64, 0)).exchange - without > copies * 7168 * 2);
}

TEST_CASE("rows that travel as another type are counted, and what is kept of them") {
  SuiteConfig config = large_model();
  const Phase& phase = config.workload.phases[0];
  const auto exchange_with = [&](const std::vector<std::string>& wires) {
    config.run.wires = wires;
    return estimate_memory(config, phase, ranks_of(64, 0)).exchange;
  };
  const std::int64_t native = exchange_with({"native"});
  REQUIRE(exchange_with({"bf16"}) == native);
  REQUIRE(exchange_with({"fp8"}) - native >= 128 * (7168 + 56 * 4) + 128 * 8 * 7168 * 2);  // encoded and decoded
  REQUIRE(exchange_with({"f32"}) - native >= 11 * 128 * 8 * 7168 * 2);                     // twice the bytes
  REQUIRE(exchange_with({"fp8", "f32"}) == exchange_with({"f32"}));
}

TEST_CASE("padded slots are counted, both ways") {
  SuiteConfig config = large_model();
  const Phase& phase = config.workload.phases[0];
  const std::int64_t without = estimate_memory(config, phase, ranks_of(64, 0)).exchange;
  config.run.dispatchers = {"mpi-padded"};
  REQUIRE(estimate_memory(config, phase, ranks_of(64, 0)).exchange - without >= 2 * 128 * 8 * 7168 * 2);
}

TEST_CASE("everybody's tokens and a partial sum from every rank are counted") {
  SuiteConfig config = large_model();
  const Phase& phase = config.workload.phases[0];
  const std::int64_t without = estimate_memory(config, phase, ranks_of(64, 0)).exchange;
  config.run.dispatchers = {"mpi-allgather"};
  const std::int64_t row = 7168 * 2;
  const std::int64_t tokens = 64 * 128, copies_sent = 128 * 8;
  const std::int64_t copies_received = 3 * tokens * 8 / 64;  // of the most loaded rank, at a MaxVio of 2
  const std::int64_t more = estimate_memory(config, phase, ranks_of(64, 0)).exchange - without;
  REQUIRE(more >= (tokens + tokens - copies_sent - copies_received) * row);
  REQUIRE(more < (tokens + tokens) * row);
}

TEST_CASE("one copy per rank needs tables, but no more rows") {
  SuiteConfig config = large_model();
  const Phase& phase = config.workload.phases[0];
  const std::int64_t without = estimate_memory(config, phase, ranks_of(64, 0)).exchange;
  config.run.dispatchers = {"mpi-rank-dedup"};
  const std::int64_t more = estimate_memory(config, phase, ranks_of(64, 0)).exchange - without;
  const std::int64_t copies_sent = 128 * 8, copies_received = 3 * 128 * 8;
  REQUIRE(more >= copies_sent * 8 + copies_received * 4 * 16);  // labels; a table of min(K, local experts) = 4
  REQUIRE(more < copies_received * 7168 * 2 / 100);
}

}  // namespace
}  // namespace moeperf
