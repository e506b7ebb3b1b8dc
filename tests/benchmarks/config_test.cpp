#include "benchmarks/configuration/config.hpp"

#include "benchmarks/axes/wire.hpp"
#include "kernels/base/error.hpp"
#include "tests/catch.hpp"

#include <string>

namespace moeperf {
namespace {

const std::string minimal = "[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 2\n";

std::string error_of(const std::string& text, const std::vector<Override>& overrides = {}) {
  try {
    (void)parse_config(text, "file.toml", overrides);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("a minimal file gets the documented defaults and its name from the file") {
  const SuiteConfig config = parse_config(minimal, "folder/tiny.toml", {});
  REQUIRE(config.workload.name == "tiny");
  REQUIRE(config.workload.phases.size() == 1);
  REQUIRE(config.workload.phases[0].tokens_per_rank == std::vector<std::int64_t>{4096});
  REQUIRE(config.workload.model.dtype == DType::bf16);
  REQUIRE(config.run.sampling.min_samples == 10);
  REQUIRE(config.run.limits.part_s == 60);
  REQUIRE(config.run.limits.preparation_s == 600);
}

TEST_CASE("the resolved text reads back to itself") {
  const SuiteConfig config =
      parse_config(minimal + "[phase.decode]\ntokens_per_rank = [3, 0]\n", "a.toml", {"run.seed=7"});
  const std::string text = to_toml(config);
  REQUIRE(to_toml(parse_config(text, "b.toml", {})) == text);
  REQUIRE(contains(text, "seed = 7"));
}

TEST_CASE("an error names file, line, key, what was given and what is accepted") {
  const std::string unknown = error_of(minimal + "hiden = 3\n");
  REQUIRE(contains(unknown, "file.toml:6"));
  REQUIRE(contains(unknown, "model.hiden"));
  REQUIRE(contains(unknown, "hidden"));
  const std::string type = error_of("[model]\nhidden = \"wide\"\nintermediate = 32\nexperts = 8\ntop_k = 2\n");
  REQUIRE(contains(type, "file.toml:2"));
  REQUIRE(contains(type, "wide"));
  REQUIRE(contains(type, "integer"));
  const std::string choice = error_of(minimal + "score = \"tanh\"\n");
  REQUIRE(contains(choice, "softmax | sigmoid | sqrt_softplus"));
  REQUIRE(contains(error_of("[model\n"), "file.toml:1"));
  REQUIRE(contains(error_of("x = 1\n"), "model"));
}

TEST_CASE("impossible values are refused with their place") {
  const std::string top_k = error_of("[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 9\n");
  REQUIRE(contains(top_k, "file.toml:5"));
  REQUIRE(contains(top_k, "model.top_k"));
  REQUIRE(contains(error_of(minimal + "groups = 3\n"), "model.groups"));
  REQUIRE(contains(error_of("[model]\nhidden = 0\nintermediate = 32\nexperts = 8\ntop_k = 2\n"), "model.hidden"));
  REQUIRE(contains(error_of(minimal + "[phase.prefill]\ntokens_per_rank = -1\n"), "tokens_per_rank"));
  REQUIRE(contains(error_of(minimal + "[run]\nmin_samples = 0\n"), "run.min_samples"));
  REQUIRE(contains(error_of(minimal + "[run]\npart_time_limit_s = -1\n"), "run.part_time_limit_s: -1 given"));
  REQUIRE(contains(error_of(minimal, {"run.part_time_limit_s=0.01"}), "0.1 to 1e6 seconds, or 0"));
  REQUIRE(contains(error_of(minimal, {"run.preparation_time_limit_s=-1"}), "0.1 to 1e6 seconds, or 0"));
  REQUIRE(contains(error_of(minimal + "[run]\nbenchmarks = \"(\"\n"), "run.benchmarks"));
}

TEST_CASE("what rows travel as is the model's own type unless asked for, each type once") {
  const SuiteConfig usual = parse_config(minimal, "file.toml", {});
  REQUIRE(wire_types_of(usual.run, DType::bf16) == std::vector{WireType::bf16});
  REQUIRE(wire_types_of(usual.run, DType::f32) == std::vector{WireType::f32});
  const SuiteConfig some = parse_config(minimal + "[run]\nwire = [\"fp8\", \"native\", \"bf16\"]\n", "file.toml", {});
  REQUIRE(wire_types_of(some.run, DType::bf16) == std::vector{WireType::fp8, WireType::bf16});
  REQUIRE(wire_types_of(some.run, DType::f32) == std::vector{WireType::fp8, WireType::f32, WireType::bf16});
  const SuiteConfig all = parse_config(minimal, "file.toml", {"run.wire=all"});
  REQUIRE(wire_types_of(all.run, DType::f32).size() == 3);
  REQUIRE(contains(to_toml(all), "wire = [ 'all' ]"));
  const std::string unknown = error_of(minimal, {"run.wire=fp4"});
  REQUIRE(contains(unknown, "run.wire"));
  REQUIRE(contains(unknown, "fp4"));
  REQUIRE(contains(unknown, "native | bf16 | fp8 | f32 | all"));
}

TEST_CASE("--set overrides keys, makes tables, and is named in errors") {
  const SuiteConfig config = parse_config(minimal, "file.toml", {"model.top_k=4", "traffic.pattern=uniform"});
  REQUIRE(config.workload.model.gate.top_k == 4);
  REQUIRE(config.workload.traffic.pattern == "uniform");
  REQUIRE(contains(error_of(minimal, {"model.top_k=99"}), "--set model.top_k"));
  REQUIRE(contains(error_of(minimal, {"nonsense"}), "key=value"));
  REQUIRE(contains(error_of(minimal, {"model.top_k.x=1"}), "no table"));
}

TEST_CASE("an error names what the user typed, once: the option, or --set and the key") {
  CHECK(error_of(minimal, {"run.wire=fp4"}) ==
        "--set run.wire: 'fp4' given; accepted: native | bf16 | fp8 | f32 | all");
  CHECK(error_of(minimal, {{"run.wire=fp4", "--wire"}}) ==
        "--wire: 'fp4' given; accepted: native | bf16 | fp8 | f32 | all");
  CHECK(error_of(minimal, {{"run.chunks=[0]", "--chunks"}}) == "--chunks: 0 given; accepted: 1 to 1024");
  CHECK(error_of(minimal, {{"run.max_time_s=-1", "--max-time"}}) ==
        "--max-time: -1 given; accepted: 0 or more seconds");
  CHECK(contains(error_of(minimal, {"run={wire=\"fp4\"}"}), "--set run: run.wire: 'fp4' given"));
}

}  // namespace
}  // namespace moeperf
