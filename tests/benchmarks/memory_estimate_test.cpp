#include "benchmarks/plan/memory_estimate.hpp"

#include "benchmarks/inputs/expert_bank.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "comm/dispatcher.hpp"
#include "kernels/base/error.hpp"

#include "tests/benchmarks/test_backends.hpp"
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
  return {num_ranks, available_gib << 30, std::int64_t{32} << 20, &test::test_backends()};
}

TEST_CASE("a model larger than memory is refused with figures and with what would fit") {
  SuiteConfig config = large_model();
  const std::string text = why_no_memory(config, ranks_of(2, 9));
  REQUIRE(text.find("needs") != std::string::npos);
  REQUIRE(text.find("--expert-weights pooled") != std::string::npos);
  REQUIRE(text.find("ranks") != std::string::npos);
  REQUIRE(why_no_memory(config, ranks_of(2, 200)).empty());
  config.run.expert_weights = ExpertWeightsMode::pooled;
  REQUIRE(why_no_memory(config, ranks_of(2, 9)).empty());
}

TEST_CASE("the number of ranks that a refusal proposes is accepted") {
  const SuiteConfig config = large_model();
  const std::string text = why_no_memory(config, ranks_of(1, 9));
  const auto end = text.find(" ranks with");
  REQUIRE(end != std::string::npos);
  const int proposed = std::stoi(text.substr(text.rfind(' ', end - 1)));
  REQUIRE(proposed > 1);
  REQUIRE(why_no_memory(config, ranks_of(proposed, 9)).empty());
  REQUIRE_FALSE(why_no_memory(config, ranks_of(proposed / 2, 9)).empty());
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
  config.run.axes["dispatcher"] = {"mpi-alltoallv", "reference"};
  const std::int64_t copies = 64 * 128 * 8;
  REQUIRE(estimate_memory(config, phase, ranks_of(64, 0)).exchange - without > copies * 7168 * 2);
}

TEST_CASE("rows that travel as another type are counted, and what is kept of them") {
  SuiteConfig config = large_model();
  const Phase& phase = config.workload.phases[0];
  const auto exchange_with = [&](const std::vector<std::string>& wires) {
    config.run.axes["wire"] = wires;
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
  config.run.axes["dispatcher"] = {"mpi-padded"};
  REQUIRE(estimate_memory(config, phase, ranks_of(64, 0)).exchange - without >= 2 * 128 * 8 * 7168 * 2);
}

TEST_CASE("everybody's tokens and a partial sum from every rank are counted") {
  SuiteConfig config = large_model();
  const Phase& phase = config.workload.phases[0];
  const std::int64_t without = estimate_memory(config, phase, ranks_of(64, 0)).exchange;
  config.run.axes["dispatcher"] = {"mpi-allgather"};
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
  config.run.axes["dispatcher"] = {"mpi-rank-dedup"};
  const std::int64_t more = estimate_memory(config, phase, ranks_of(64, 0)).exchange - without;
  const std::int64_t copies_sent = 128 * 8, copies_received = 3 * 128 * 8;
  REQUIRE(more >= copies_sent * 8 + copies_received * 4 * 16);  // labels; a table of min(K, local experts) = 4
  REQUIRE(more < copies_received * 7168 * 2 / 100);
}

TEST_CASE("a benchmark asks only for what it touches: a gate needs no experts and no exchange") {
  SuiteConfig config = large_model();
  const auto estimate_of = [&](const std::string& benchmarks) {
    config.run.benchmarks = benchmarks;
    return estimate_memory(config, config.workload.phases[0], ranks_of(1, 0));
  };
  const MemoryEstimate all = estimate_of(".*");
  const MemoryEstimate gate = estimate_of("gate");
  CHECK(gate.expert_weights == 0);
  CHECK(gate.exchange == 0);
  CHECK(gate.tokens == all.tokens);
  CHECK(estimate_of("dispatch|combine|tune").expert_weights == 0);
  CHECK(estimate_of("dispatch").exchange == all.exchange);
  CHECK(estimate_of("expert").expert_weights < all.expert_weights);  // no shared expert
  CHECK(estimate_of("layer").expert_weights == all.expert_weights);
  CHECK(estimate_of("link").tokens == 0);
  CHECK(estimate_of("permute").exchange == 3 * std::int64_t{128} * 8 * 7168 * 2);
  CHECK(why_no_memory(config, ranks_of(1, 1)).empty());
  for (const BenchmarkKind& kind : benchmark_kinds()) {
    INFO(kind.name);
    CHECK_FALSE(kind.needs.empty());
  }
}

TEST_CASE("steps of all experts and samples of all ranks are counted") {
  SuiteConfig config = large_model();
  const auto total = [&] { return estimate_memory(config, config.workload.phases[0], ranks_of(64, 0)).total(); };
  const std::int64_t before = total();
  config.workload.balancing.steps += 10000;
  CHECK(total() - before >= 10000 * 256 * (8 + 4));
  const std::int64_t with_steps = total();
  config.run.sampling.samples = 1'000'000;
  CHECK(total() - with_steps > (1'000'000 - 10200) * std::int64_t{64} * 8);
}

TEST_CASE("the estimate never wraps, with the largest accepted sizes, any dispatcher and a million ranks") {
  const std::vector<std::vector<std::string>> sizes{
      {"model.hidden=1", "phase.decode.tokens_per_rank=9223372036854775807"},
      {"model.hidden=100000", "model.intermediate=9223372036854775807"},
      {"model.hidden=9223372036854775807"},
      {"balancing.steps=9223372036854775807"},
      {"model.experts=2147483647", "model.hidden=100"}};
  for (const auto& given : sizes) {
    INFO(given[0]);
    SuiteConfig config = large_model();
    std::vector<std::string> overrides = given;
    for (int attempt = 0; attempt < 4; ++attempt) {  // corrects what is refused, as a person would
      try {
        config = parse_config(
            "[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 8\n[phase.decode]\ntokens_per_rank = 1\n",
            "largest.toml", {overrides.begin(), overrides.end()});
        break;
      } catch (const UserError& error) {
        const std::string text = error.what();
        const auto largest = text.find("accepted: at most ");
        INFO(text);
        // "--set KEY: …" or "FILE: KEY: …"
        const auto given_end = text.rfind(": ", largest - 1), key_end = text.rfind(": ", given_end);
        const auto key_begin = text.rfind(' ', key_end - 1) + 1;
        REQUIRE(largest != std::string::npos);
        overrides.push_back(text.substr(key_begin, key_end - key_begin) + "=" +
                            std::to_string(std::stoll(text.substr(largest + 18))));
      }
    }
    config.run.benchmarks = "[a-z]*";
    config.run.sampling.samples = 1'000'000'000;
    config.workload.traffic.target_maxvio = 1e300;
    for (const auto& entry : dispatcher_registry().entries()) {
      config.run.axes["dispatcher"] = {entry.name};
      std::int64_t before = 0;
      for (const int ranks : {1, 1024, 1 << 20}) {
        INFO(entry.name << " on " << ranks);
        const MemoryEstimate estimate = estimate_memory(config, config.workload.phases[0], ranks_of(ranks, 0));
        CHECK(estimate.expert_weights >= 0);
        CHECK(estimate.exchange >= before / 2);  // with more ranks a block may be smaller, never the whole
        before = estimate.exchange;
        CHECK(estimate.total() > std::int64_t{1} << 30);
      }
    }
    CHECK_FALSE(why_no_memory(config, ranks_of(1 << 20, 9)).empty());
  }
}

}  // namespace
}  // namespace moeperf
