// An axis of cases, as a contributor would add it: everything above the tests is what its file
// benchmarks/axes/cache.cpp would hold, with cache_is_cold() in a header beside it. No other file knows it. The
// benchmark that honours it is one of this test.

#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/run.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "harness/machine.hpp"
#include "kernels/base/error.hpp"
#include "results/compare.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

namespace moeperf {
namespace {

/// Whether what a sample touches is pushed out of the caches before it.
const AxisRegistration cache_registration(
    {.name = "cache", .usual = "hot", .key = "cache={}", .heading = "{} cache"},
    {.key = "cache",
     .option = "--cache",
     .help = "hot, or cold: what a sample touches is pushed out of the caches before it [hot]",
     .unsaid = {"hot"},
     .choices = {"hot", "cold"},
     .benchmarks = {"test-sum"},
     .id = "{}"});

bool cache_is_cold(const CaseSpec& spec) { return spec.value("cache") == "cold"; }

// ---- The program with it.

/// Adds up a buffer's numbers.
class SumBenchmark final : public Benchmark {
 public:
  explicit SumBenchmark(const CaseSpec& spec) : is_cold_(cache_is_cold(spec)) {}

  void prepare() override {
    numbers_.resize(std::size_t{1} << 12);
    std::iota(numbers_.begin(), numbers_.end(), 0.0);
    if (is_cold_) others_.resize(static_cast<std::size_t>(last_level_cache_bytes()) / sizeof(double) * 2);
  }
  std::vector<PartInfo> parts() const override { return {{.name = "sum"}}; }
  void before_sample() override {
    for (double& other : others_) other += 1;
  }
  void run(std::size_t) override { sum_ = std::accumulate(numbers_.begin(), numbers_.end(), 0.0); }
  WorkModel work(std::size_t) const override { return {.memory_bytes = static_cast<double>(8 * numbers_.size())}; }
  void poison() override { sum_ = -1; }
  Verification verify() override {
    const auto n = static_cast<double>(numbers_.size());
    const bool right = sum_ == n * (n - 1) / 2;
    return {.performed = true, .passed = right, .wrong = right ? 0 : 1, .checked = 1, .scope = "the sum"};
  }
  void finish(CaseResult& result) override { result.notes["evicted"] = others_.empty() ? "nothing" : "the caches"; }

 private:
  bool is_cold_;
  std::vector<double> numbers_, others_;
  double sum_ = 0;
};

const BenchmarkRegistration benchmark({.name = "test-sum",
                                       .summary = "sum of some numbers",
                                       .order = 100,
                                       .make = [](Problem&, const CaseSpec& spec) -> std::unique_ptr<Benchmark> {
                                         return std::make_unique<SumBenchmark>(spec);
                                       },
                                       .only_by_name = true});

const std::string workload =
    "[model]\nhidden = 32\nintermediate = 16\nexperts = 6\ntop_k = 2\n[phase.decode]\ntokens_per_rank = 4\n";

RunOptions options_of(const test::Folder& folder, const Communicator& comm, const std::string& run_table) {
  if (comm.is_root()) std::ofstream(folder / "tiny.toml") << workload << "[run]\nkernels = 'reference'\n" << run_table;
  comm.barrier();
  RunOptions options;
  options.suite = folder / "tiny.toml";
  options.benchmarks = "test-sum|gate";
  options.samples = 3;
  options.output = folder / "report.h5";
  options.force = true;
  return options;
}

std::string shown(const Report& report) {
  std::ostringstream text;
  show_report(text, report);
  return text.str();
}

const CaseResult& case_of(const Report& report, const std::string& cache) {
  const auto found = std::find_if(report.cases.begin(), report.cases.end(), [&](const CaseResult& result) {
    return result.on("benchmark") == "test-sum" && result.on("cache") == cache;
  });
  REQUIRE(found != report.cases.end());
  return *found;
}

TEST_CASE("each value on a new axis is a case of the benchmarks that it applies to, and of no others", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "axis");
  RunOptions options = options_of(folder, comm, "cache = [\"cold\", \"hot\", \"cold\"]\n");
  REQUIRE(run(options, comm) == exit_ok);
  if (!comm.is_root()) return;
  const Report report = read_report(options.output);
  REQUIRE(report.status == "VALID");
  REQUIRE(report.cases.size() == 3);
  CHECK(report.cases[0].on("benchmark") == "gate");
  CHECK(report.cases[0].on("cache") == "-");
  CHECK(case_of(report, "cold").notes.at("evicted") == "the caches");
  CHECK(case_of(report, "hot").notes.at("evicted") == "nothing");
  CHECK(case_of(report, "cold").id == "0002_test-sum_tiny_decode_reference_cold");
  CHECK(case_of(report, "hot").id == "0003_test-sum_tiny_decode_reference");
  CHECK(report.header().config.find("cache = [ 'cold', 'hot', 'cold' ]") != std::string::npos);
  const std::string text = shown(report);
  INFO(text);
  CHECK(text.find("# tiny decode, 4 tokens per rank, bf16, kernel reference, topics traffic, cold cache\n") !=
        std::string::npos);
}

TEST_CASE("what is asked for on a new axis comes from its option too, and is checked", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "axis_option");
  RunOptions options = options_of(folder, comm, "");
  options.axes["cache"] = {"lukewarm"};
  std::string refusal;
  try {
    run(options, comm);
  } catch (const UserError& error) {
    refusal = error.what();
  }
  CHECK(refusal == "--cache: 'lukewarm' given; accepted: hot | cold");
  Command selected;
  CLI::App app("test");
  add_run_command(app, selected);
  CHECK(app.get_subcommand("run")->get_option_no_throw("--cache") != nullptr);
  CLI::App tuning("test");
  add_tune_command(tuning, selected);
  CHECK(tuning.get_subcommand("tune")->get_option_no_throw("--cache") == nullptr);  // tune has no such axis
}

TEST_CASE("reports before and after an axis was added are compared, as if the older had its usual value", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "axis_compared");
  RunOptions options = options_of(folder, comm, "cache = [\"hot\", \"cold\"]\n");
  REQUIRE(run(options, comm) == exit_ok);
  if (!comm.is_root()) return;
  const Report fresh = read_report(options.output);
  Report old = fresh;
  std::erase_if(old.header().axes, [](const ReportAxis& axis) { return axis.name == "cache"; });
  std::erase_if(old.cases, [](const CaseResult& result) { return result.on("cache") == "cold"; });
  for (CaseResult& result : old.cases) result.coordinates.erase("cache");
  const Comparison comparison = compare_reports(old, fresh);
  std::set<std::string> keys;
  for (const ComparedPart& part : comparison.parts) keys.insert(part.case_key);
  CHECK(keys == std::set<std::string>{"gate/tiny/decode/reference/bf16/tokens=4/topics",
                                      "test-sum/tiny/decode/reference/bf16/tokens=4/topics"});
  CHECK(comparison.only_in_new ==
        std::vector<std::string>{"test-sum/tiny/decode/reference/bf16/tokens=4/topics/cache=cold"});
}

}  // namespace
}  // namespace moeperf
