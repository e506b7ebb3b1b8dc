#include "benchmarks/plan/sweep.hpp"

#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/run.hpp"
#include "kernels/base/error.hpp"
#include "kernels/traffic/pattern.hpp"
#include "results/reader.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <set>

namespace moeperf {
namespace {

const std::string smoke = std::string(MOEPERF_SOURCE_DIR) + "/benchmarks/workloads/smoke.toml";
const std::string minimal = "[model]\nhidden = 64\nintermediate = 32\nexperts = 8\ntop_k = 2\n";

std::vector<std::int64_t> tokens(const std::string& begin, const std::string& end, double factor) {
  SweepSettings sweep;
  sweep.begin = begin;
  sweep.end = end;
  sweep.factor = factor;
  REQUIRE_FALSE(first_violation(sweep));
  return sweep_tokens(sweep, parse_config(minimal, "tiny.toml", {}).workload.model);
}

std::string violated(const std::string& begin, const std::string& end, double factor = 2) {
  SweepSettings sweep;
  sweep.begin = begin;
  sweep.end = end;
  sweep.factor = factor;
  const auto violation = first_violation(sweep);
  return violation ? violation->key : "";
}

std::vector<SuiteConfig> points(const std::vector<Override>& overrides, Communicator& comm) {
  return expand_sweeps({parse_config(minimal, "tiny.toml", overrides)}, comm);
}

TEST_CASE("sizes are multiplied from begin to end, in tokens or in logical bytes") {
  CHECK(tokens("1", "8", 2) == std::vector<std::int64_t>{1, 2, 4, 8});
  CHECK(tokens("3", "100", 10) == std::vector<std::int64_t>{3, 30});
  CHECK(tokens("5", "", 2) == std::vector<std::int64_t>{5});
  CHECK(tokens("1", "5", 1.25) == std::vector<std::int64_t>{1, 2, 3, 4, 5});  // each once
  CHECK(tokens("10", "1000", 1.0 / 0.3162277660168379) == std::vector<std::int64_t>{10, 32, 100, 316, 1000});
  // A token is 2 copies of 64 bf16: 256 bytes.
  CHECK(tokens("1B", "1KiB", 4) == std::vector<std::int64_t>{1, 4});  // 1, 4, 16, 64, 256, 1024 bytes
  CHECK(tokens("1K", "1K", 2) == std::vector<std::int64_t>{4});
  CHECK(tokens("1025B", "", 2) == std::vector<std::int64_t>{5});
  CHECK(tokens("1MiB", "1GiB", 1024) == std::vector<std::int64_t>{4096, 4194304});
  CHECK(tokens("1M", "", 2) == std::vector<std::int64_t>{3907});
}

TEST_CASE("sizes that make no sweep are violations of their key") {
  CHECK(violated("10", "5") == "run.end");
  CHECK(violated("0", "5") == "run.begin");
  CHECK(violated("-3", "5") == "run.begin");
  CHECK(violated("1KB", "") == "run.begin");
  CHECK(violated("1.5K", "") == "run.begin");
  CHECK(violated("99999999999G", "") == "run.begin");
  CHECK(violated("4K", "8000") == "run.end");
  CHECK(violated("", "8") == "run.begin");
  CHECK(violated("1", "8", 1.0) == "run.factor");
  CHECK(violated("1", "8", 0.5) == "run.factor");
  SweepSettings endless;
  endless.begin = "1";
  endless.end = "1000000";
  endless.factor = 1.0001;
  CHECK_THROWS_AS(sweep_tokens(endless, parse_config(minimal, "tiny.toml", {}).workload.model), UserError);
}

TEST_CASE("every pattern and size is a point; ranks get what the pattern says", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const auto unswept = points({}, comm);
  REQUIRE(unswept.size() == 1);
  CHECK(unswept[0].point.empty());
  CHECK(unswept[0].workload.phases[0].tokens_per_rank == std::vector<std::int64_t>{4096});

  const auto swept = points({"run.begin=6", "run.end=12", "run.traffic=[\"ragged_source\",\"topics\"]"}, comm);
  REQUIRE(swept.size() == 4);
  CHECK(swept[0].point == "ragged_source_6");
  CHECK(swept[3].point == "topics_12");
  CHECK(swept[3].workload.traffic.pattern == "topics");
  CHECK(swept[3].workload.phases[0].tokens_per_rank == std::vector<std::int64_t>{12});
  const Phase& ragged = swept[1].workload.phases[0];
  CHECK(ragged.tokens_per_rank.size() == static_cast<std::size_t>(comm.size()));
  CHECK(comm.sum(ragged.tokens_of(comm.rank())) == 12 * comm.size());
  if (comm.size() > 1) CHECK(ragged.tokens_of(1) == 0);

  std::set<std::string> all;
  for (const SuiteConfig& point : points({"run.traffic=all"}, comm)) all.insert(point.workload.traffic.pattern);
  for (const char* name : {"burst", "empty_experts", "hot_experts", "hot_rank", "lognormal", "ragged_source",
                           "rotating", "topics", "uniform"}) {
    INFO(name);
    CHECK(all.count(name) == 1);
  }
  CHECK(all.count("trace") == 0);
  CHECK_THROWS_AS(points({"run.traffic=rush_hour"}, comm), UserError);
  CHECK_THROWS_AS(points({"run.traffic=trace"}, comm), UserError);  // no file
  CHECK_THROWS_AS(points({"traffic.pattern=hot_rank", "traffic.hot_rank.blocks=9"}, comm), UserError);
}

TEST_CASE("a sweep's settings read back from the resolved text") {
  const SuiteConfig config = parse_config(minimal, "a.toml", {"run.begin=4", "run.end=\"64\"", "run.traffic=all"});
  const std::string text = to_toml(config);
  const SuiteConfig again = parse_config(text, "b.toml", {});
  CHECK(to_toml(again) == text);
  CHECK(again.run.sweep.end == "64");
  CHECK(again.run.wanted("traffic") == std::vector<std::string>{"all"});
}

TEST_CASE("a sweep over all patterns runs exactly the samples asked for, and every case is right", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "sweep");
  CLI::App app;
  Command selected;
  add_run_command(app, selected);
  app.parse("run " + smoke + " --benchmark dispatch|combine --scheme none --dispatcher mpi-alltoallv -b 5 -e 10 -n 3" +
            " -w 1 --traffic all -o " + (folder / "report.h5"));
  REQUIRE(selected.run(comm) == exit_ok);
  if (!comm.is_root()) return;
  const Report report = read_report(folder / "report.h5");
  CHECK(report.status == "VALID");
  CHECK(report.cases.size() == 2 * 2 * 9);
  std::set<std::string> traffic;
  for (const CaseResult& result : report.cases) {
    INFO(result.id);
    traffic.insert(result.on("traffic"));
    CHECK(result.measurements.at(0).samples.num_samples() == 3);
    CHECK(result.stop_reason == "fixed_count");
    const double per_rank = static_cast<double>(result.tokens_global) / comm.size();
    CHECK((per_rank == 5 || per_rank == 10));
  }
  CHECK(traffic.size() == 9);
  CHECK(report.header().config.find("traffic = [ 'all' ]") != std::string::npos);
}

TEST_CASE("balancing acts on skew that comes with the hidden states", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "skew");
  RunOptions options;
  options.suite = smoke;
  options.benchmarks = "balance";
  options.axes["scheme"] = {"loss-free", "aux-loss"};
  options.axes["traffic"] = {"hot_experts", "hot_rank", "lognormal", "empty_experts"};
  options.tokens = {std::int64_t{240} / comm.size()};
  options.overrides = {"balancing.steps=60", "balancing.loss-free.bias_rate=0.01", "balancing.aux-loss.alpha=0.05",
                       "balancing.aux-loss.capacity_factor=0"};
  options.output = folder / "report.h5";
  REQUIRE(run(options, comm) == exit_ok);
  if (!comm.is_root()) return;
  const Report report = read_report(options.output);
  REQUIRE(report.balancing.size() == 8);
  for (const BalancingTrajectory& trajectory : report.balancing) {
    INFO(trajectory.id << ": " << trajectory.maxvio.front() << " to " << trajectory.maxvio.back());
    CHECK(trajectory.maxvio.front() > 0.25);
    CHECK(trajectory.maxvio.back() < 0.7 * trajectory.maxvio.front());
  }
}

TEST_CASE("options that contradict each other are refused") {
  Communicator comm(MPI_COMM_SELF);
  RunOptions options;
  options.suite = smoke;
  options.dry_run = true;
  options.begin = "4";
  options.tokens = {8};
  CHECK_THROWS_AS(run(options, comm), UserError);
  const auto parsed = [](const std::string& arguments) {
    CLI::App app;
    Command selected;
    add_run_command(app, selected);
    app.parse("run " + smoke + " " + arguments);
  };
  CHECK_NOTHROW(parsed("-b 1 -e 4K -f 3 -n 5 -w 0"));
  CHECK_THROWS_AS(parsed("-e 4"), CLI::ParseError);
  CHECK_THROWS_AS(parsed("-n 0"), CLI::ParseError);
  CHECK_THROWS_AS(parsed("-n 4 --min-samples 3"), CLI::ParseError);
  CHECK_THROWS_AS(parsed("-b 4 --tokens 3"), CLI::ParseError);
}

}  // namespace
}  // namespace moeperf
