#include "benchmarks/cli/run.hpp"

#include "benchmarks/inputs/problem.hpp"
#include "comm/dispatcher.hpp"
#include "harness/machine.hpp"
#include "kernels/base/error.hpp"
#include "results/findings.hpp"
#include "results/reader.hpp"
#include "tests/catch.hpp"
#include "tests/matrix.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

const std::string smoke = std::string(MOEPERF_SOURCE_DIR) + "/benchmarks/workloads/smoke.toml";

/// One folder for all ranks of this number of ranks.
std::string output_of(const Communicator& comm, const std::string& name) {
  return (fs::temp_directory_path() / ("moeperf_" + name + "_" + comm.broadcast(std::to_string(getpid())) + "_" +
                                       std::to_string(comm.size()) + ".h5"))
      .string();
}

TEST_CASE("the smoke suite runs on any number of ranks and every case is right", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.axes["kernel"] = {"reference", "auto"};
  options.axes["dispatcher"] = {"reference", "mpi-alltoallv"};
  options.axes["scheme"] = {"none", "ideal", "aux-loss",
                            "loss-free"};  // not `all`: other tests have schemes of their own
  options.output = output_of(comm, "smoke");
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) {
    const Report report = read_report(options.output);
    REQUIRE(report.status == "VALID");
    std::set<std::string> benchmarks, schemes;
    for (const CaseResult& result : report.cases) {
      INFO(result.id << ": " << result.skip_reason);
      benchmarks.insert(result.on("benchmark"));
      if (result.on("benchmark") == "link" && comm.size() == 1) {
        REQUIRE(result.skip_reason.find("one rank alone has no links") != std::string::npos);
        continue;
      }
      REQUIRE(result.skip_reason.empty());
      REQUIRE(result.verification.passed);
      if (result.on("benchmark") == "layer") schemes.insert(result.on("scheme"));
    }
    REQUIRE(benchmarks == std::set<std::string>{"balance", "chain", "combine", "dispatch", "expert", "gate", "layer",
                                                "link", "permute"});
    REQUIRE(schemes == std::set<std::string>{"aux-loss", "ideal", "loss-free", "none"});
    REQUIRE_FALSE(report.balancing.empty());
    fs::remove(options.output);
  }
  comm.barrier();
}

TEST_CASE("a layer in chunks is right with each dispatcher that can split, others are skipped with the reason",
          "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.benchmarks = "layer";
  options.axes["dispatcher"] = {"reference", "mpi-alltoallv", "mpi-pairwise", "mpi-two-level"};
  options.axes["scheme"] = {"none", "aux-loss"};
  options.axes["chunks"] = {"1", "3"};
  options.output = output_of(comm, "chunks");
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) {
    for (const CaseResult& result : read_report(options.output).cases) {
      INFO(result.id << ": " << result.skip_reason);
      if (result.on("dispatcher") == "reference" && result.on("chunks") == "3") {
        REQUIRE(result.skip_reason.find("cannot start an exchange and finish it later") != std::string::npos);
        continue;
      }
      REQUIRE(result.skip_reason.empty());
      REQUIRE(result.verification.passed);
      const auto layer = std::find_if(result.measurements.begin(), result.measurements.end(),
                                      [](const Measurement& m) { return m.part == "layer"; });
      REQUIRE(layer != result.measurements.end());
      REQUIRE(result.meters.size() == 1);
      REQUIRE(result.meters[0].meter == "exposed");
      const double exposed_s = result.meters[0].samples.at(0, 0);
      REQUIRE(exposed_s > 0);
      REQUIRE(exposed_s < layer->samples.at(0, 0));
    }
    fs::remove(options.output);
  }
  comm.barrier();
}

TEST_CASE("every wire is run, recorded by its name and right, in chunks too", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  for (const std::size_t type : {0, 1}) {
    if (!test::in_turn(static_cast<std::size_t>(comm.size()), type, 2)) continue;
    const std::string dtype = type == 0 ? "bf16" : "f32";
    RunOptions options;
    options.suite = smoke;
    options.benchmarks = "dispatch|combine|layer|gate|tune";
    options.axes["dispatcher"] = {"mpi-alltoallv", "mpi-two-level"};
    options.axes["wire"] = {"native", "all"};
    options.axes["scheme"] = {"aux-loss"};
    options.axes["chunks"] = {"1", "2"};
    options.overrides = {"model.dtype=" + dtype};
    options.output = output_of(comm, "wires_" + dtype);
    options.force = true;
    REQUIRE(run(options, comm) == exit_ok);
    if (comm.is_root()) {
      std::map<std::string, std::set<std::string>> wires;
      for (const CaseResult& result : read_report(options.output).cases) {
        INFO(result.id << ": " << result.skip_reason);
        REQUIRE(result.skip_reason.empty());
        REQUIRE(result.verification.passed);
        wires[result.on("benchmark")].insert(result.on("wire"));
        REQUIRE((result.id.find("_fp8") != std::string::npos) == (result.on("wire") == "fp8"));
        REQUIRE(result.id.find("_" + dtype) == std::string::npos);  // what is usual is not named
        if (result.on("benchmark") != "dispatch" && result.on("benchmark") != "combine") continue;
        const bool changes = result.on("wire") != "fp8" && result.on("wire") != dtype;
        REQUIRE(result.notes.at("combine_dtype") == (changes ? result.on("wire") : dtype));
      }
      for (const std::string benchmark : {"dispatch", "combine", "layer", "tune"}) {
        REQUIRE(wires[benchmark] == std::set<std::string>{"bf16", "fp8", "f32"});
      }
      REQUIRE(wires["gate"] == std::set<std::string>{"-"});
      fs::remove(options.output);
    }
    comm.barrier();
  }
}

TEST_CASE("every dispatcher is right with every traffic pattern", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.benchmarks = "tune";
  options.axes["traffic"] = {"all"};
  options.axes["scheme"] = {"none"};
  for (const auto& entry : dispatcher_registry().entries()) {
    if (!entry.name.starts_with("test-")) options.axes["dispatcher"].push_back(entry.name);  // other tests' faulty ones
  }
  options.samples = 1;
  options.warmup = 0;
  options.output = output_of(comm, "traffic");
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) {
    std::set<std::string> patterns;
    for (const CaseResult& result : read_report(options.output).cases) {
      INFO(result.id << ": " << result.skip_reason);
      REQUIRE(result.verification.passed);
      std::set<std::string> dispatchers;
      for (const Measurement& m : result.measurements) dispatchers.insert(m.part);
      for (const char* name : {"mpi-alltoallv", "mpi-two-level", "mpi-rank-dedup", "mpi-allgather", "mpi-pairwise"}) {
        INFO(name);
        REQUIRE(dispatchers.count(name) == 1);
      }
      patterns.insert(result.on("traffic"));
    }
    std::set<std::string> without_file;
    for (const auto& entry : traffic_registry().entries()) {
      if (!traffic_registry().why_not(entry, TrafficContext{})) without_file.insert(entry.name);
    }
    REQUIRE(patterns == without_file);
    for (const char* name : {"burst", "empty_experts", "hot_experts", "hot_rank", "lognormal", "ragged_source",
                             "rotating", "topics", "uniform"}) {
      INFO(name);  // names are permanent: they are in reports
      REQUIRE(patterns.count(name) == 1);
    }
    fs::remove(options.output);
  }
  comm.barrier();
}

TEST_CASE("tuning takes the dispatchers in turn, in one case", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.benchmarks = "tune";
  // Not `auto`, which is all: other tests may have registered one that fails.
  options.axes["dispatcher"] = {"mpi-alltoallv", "mpi-padded", "mpi-pairwise", "mpi-two-level"};
  options.axes["scheme"] = {"none"};
  options.output = output_of(comm, "tune");
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) {
    const Report report = read_report(options.output);
    REQUIRE(report.cases.size() == 1);
    REQUIRE(report.cases[0].verification.passed);
    std::set<std::string> tuned;
    for (const Measurement& m : report.cases[0].measurements) tuned.insert(m.part);
    REQUIRE(tuned == std::set<std::string>(options.axes["dispatcher"].begin(), options.axes["dispatcher"].end()));
    fs::remove(options.output);
  }
  comm.barrier();
}

TEST_CASE("a run does not replace a report unless forced, and says so before measuring", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.benchmarks = "gate";
  options.output = output_of(comm, "twice");
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  options.force = false;
  REQUIRE_THROWS_AS(run(options, comm), UserError);
  comm.barrier();
  if (comm.is_root()) fs::remove(options.output);
  options.output = "/no/such/folder/report.h5";
  REQUIRE_THROWS_AS(run(options, comm), UserError);
}

TEST_CASE("a run that measures nothing is INVALID, with status 1 and the reason at its end", "[mpi]") {
  static const Registration<DispatcherRegistry> mute(
      dispatcher_registry(),
      {"test-mute", "", -1, [](const DispatchContext&) -> std::optional<std::string> { return "no transport here"; },
       [](const DispatchContext&) -> std::unique_ptr<Dispatcher> { throw UnsupportedError("no transport here"); }, ""});
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.benchmarks = "dispatch";
  options.axes["dispatcher"] = {"test-mute"};
  options.axes["scheme"] = {"none"};
  options.output = output_of(comm, "nothing");
  options.force = true;
  REQUIRE(run(options, comm) == exit_invalid);
  if (comm.is_root()) {
    const Report report = read_report(options.output);
    REQUIRE(report.status == "INVALID: nothing was measured: every case was skipped");
    REQUIRE(report.header().num_cases_planned == static_cast<std::int64_t>(report.cases.size()));
    const std::vector<std::string> found = findings(report);
    REQUIRE(std::any_of(found.begin(), found.end(), [](const std::string& finding) {
      return finding.starts_with("asked for, but skipped: dispatch/") && finding.ends_with(": no transport here");
    }));
    fs::remove(options.output);
  }
  comm.barrier();
}

TEST_CASE("a phase given twice runs once", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.benchmarks = "gate";
  options.phases = {"decode", "decode"};
  options.output = output_of(comm, "phase_twice");
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) {
    REQUIRE(read_report(options.output).cases.size() == 1);
    fs::remove(options.output);
  }
  comm.barrier();
}

TEST_CASE("unknown names are errors on every rank", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto attempt = [&](auto change) {
    RunOptions options;
    options.suite = smoke;
    options.dry_run = true;
    change(options);
    return run(options, comm);
  };
  REQUIRE(attempt([](RunOptions&) {}) == exit_ok);
  REQUIRE_THROWS_AS(attempt([](RunOptions& o) { o.suite = "no-such-suite"; }), UserError);
  REQUIRE_THROWS_AS(attempt([](RunOptions& o) { o.axes["dispatcher"] = {"pigeon"}; }), UserError);
  REQUIRE_THROWS_AS(attempt([](RunOptions& o) { o.axes["scheme"] = {"luck"}; }), UserError);
  REQUIRE_THROWS_AS(attempt([](RunOptions& o) { o.axes["wire"] = {"fp4"}; }), UserError);
  REQUIRE_THROWS_AS(attempt([](RunOptions& o) { o.benchmarks = "nothing"; }), UserError);
  REQUIRE_THROWS_AS(attempt([](RunOptions& o) { o.tokens = {0}; }), UserError);
  REQUIRE_THROWS_AS(attempt([](RunOptions& o) { o.axes["chunks"] = {"0"}; }), UserError);
}

TEST_CASE("sizes whose products would overflow are refused with the key and what is accepted", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto refusal = [&](auto change) -> std::string {
    RunOptions options;
    options.suite = smoke;
    options.dry_run = true;
    change(options);
    try {
      run(options, comm);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  const auto names = [](const std::string& text, const std::string& key) {
    INFO(text);
    CHECK(text.find(key + ": ") != std::string::npos);
    CHECK(text.find("accepted: ") != std::string::npos);
  };
  const std::string most = "9223372036854775807";
  names(refusal([&](RunOptions& o) { o.tokens = {std::stoll(most)}; }), "tokens_per_rank");
  for (const std::string key : {"model.hidden", "model.intermediate", "balancing.steps", "traffic.burst.length",
                                "run.samples", "run.min_samples", "run.warmup"}) {
    names(refusal([&](RunOptions& o) { o.overrides = {key + "=" + most}; }), key);
  }
  names(refusal([](RunOptions& o) { o.begin = "9007199254740992"; }), "tokens_per_rank");
  names(refusal([](RunOptions& o) { o.begin = "8G", o.end = "9000000G", o.factor = 1e5; }), "tokens_per_rank");
}

TEST_CASE("the gate of a model whose experts fit nowhere can be run", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.dry_run = true;
  options.tokens = {64};
  options.overrides = {"model.intermediate=1000000000", "model.experts=256"};
  options.benchmarks = "gate";
  CHECK(run(options, comm) == exit_ok);
  options.benchmarks = "gate|expert";
  CHECK_THROWS_AS(run(options, comm), UserError);
}

TEST_CASE("target and reached imbalance of the traffic are in every case that has tokens", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = smoke;
  options.benchmarks = "gate|balance|dispatch";
  options.axes["scheme"] = {"none"};
  options.phases = {"prefill"};
  options.axes["dispatcher"] = {"mpi-alltoallv"};
  options.axes["traffic"] = {"topics", "uniform"};
  options.overrides = {"traffic.target_maxvio=100"};
  options.samples = 1;
  options.output = output_of(comm, "maxvio");
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) {
    for (const CaseResult& result : read_report(options.output).cases) {
      INFO(result.id);
      const bool calibrated = result.on("traffic") == "topics";
      REQUIRE(result.metrics.count("traffic_target_maxvio") == (calibrated ? 1 : 0));
      REQUIRE(result.metrics.count("traffic_reached_maxvio") == (calibrated ? 1 : 0));
      if (!calibrated) continue;
      CHECK(result.metrics.at("traffic_target_maxvio") == 100);
      CHECK(result.metrics.at("traffic_reached_maxvio") > 0);
      CHECK(result.metrics.at("traffic_reached_maxvio") < 10);  // what the experts allow
    }
    fs::remove(options.output);
  }
  comm.barrier();
}

TEST_CASE("routing is the same for every number of ranks", "[mpi]") {
  Communicator world(MPI_COMM_WORLD);
  Communicator alone(MPI_COMM_SELF);
  const std::int64_t per_rank = 24;
  const auto checksum = [&](Communicator& comm, std::int64_t tokens, const std::string& scheme) {
    const SuiteConfig config = parse_config(
        "[model]\nhidden = 96\nintermediate = 16\nexperts = 12\ntop_k = 3\nscore = \"sigmoid\"\n[balancing]\nsteps = "
        "7\n"
        "[phase.prefill]\ntokens_per_rank = " +
            std::to_string(tokens) + "\n",
        "same.toml", {});
    Backends backends({num_threads()});
    ExpertBank bank(backends);
    Problem problem(config.workload, config.workload.phases[0], config.run, comm, bank);
    return problem.state(scheme, "reference").checksum;
  };
  for (const std::string scheme : {"none", "loss-free", "aux-loss"}) {
    INFO(scheme);
    REQUIRE(checksum(world, per_rank, scheme) == checksum(alone, per_rank * world.size(), scheme));
  }
}

}  // namespace
}  // namespace moeperf
