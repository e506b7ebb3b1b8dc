// A benchmark with a meter, whole in this file: nothing else knows it.
//
// scan: one pass over as many numbers as this rank's tokens have, which adds them up. Baseline: a plain memory copy of
// the same bytes. Its meter `numbers` says how many a rank added up in the sample.

#include "benchmarks/baselines/memory_copy.hpp"
#include "benchmarks/cli/run.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/checker.hpp"
#include "results/compare.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "results/statistics.hpp"
#include "tests/catch.hpp"

#include <unistd.h>

#include <filesystem>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

namespace moeperf {
namespace {

class ScanBenchmark final : public Benchmark {
 public:
  explicit ScanBenchmark(Problem& problem) : problem_(problem) {}

  void prepare() override {
    numbers_.resize(static_cast<std::size_t>(problem_.num_tokens() * problem_.workload().model.hidden));
    std::iota(numbers_.begin(), numbers_.end(), std::int64_t{1});
    copy_.emplace(bytes());
  }

  std::vector<PartInfo> parts() const override {
    return {{.name = "scan", .baselines = {"memory_copy"}}, {.name = "memory_copy", .role = Role::baseline}};
  }
  std::vector<MeterInfo> meters() const override {
    return {{.name = "numbers", .unit = "1", .across_ranks = AcrossRanks::sum}};
  }

  void run(std::size_t part) override {
    if (part == 0) {
      sum_ = std::accumulate(numbers_.begin(), numbers_.end(), std::int64_t{0});
      added_ += numbers_.size();
    } else {
      copy_->run();
    }
  }
  double read(std::size_t) override { return static_cast<double>(std::exchange(added_, 0)); }

  WorkModel work(std::size_t part) const override {
    WorkModel work;
    work.memory_bytes = static_cast<double>(part == 0 ? bytes() : 2 * bytes());
    return work;
  }

  void poison() override {
    sum_ = -1;
    copy_->poison();
  }
  Verification verify() override {
    const auto n = static_cast<std::int64_t>(numbers_.size());
    Checker checker("the sum of 1 to n is n (n + 1) / 2");
    checker.same(sum_ == n * (n + 1) / 2);
    checker.claim("the memory copy byte for byte");
    copy_->check(checker);
    return checker.result();
  }

 private:
  std::int64_t bytes() const { return static_cast<std::int64_t>(numbers_.size() * sizeof(std::int64_t)); }

  Problem& problem_;
  std::vector<std::int64_t> numbers_;
  std::optional<MemoryCopy> copy_;
  std::int64_t sum_ = 0;
  std::size_t added_ = 0;
};

const BenchmarkRegistration registration({.name = "scan",
                                          .summary = "one pass over as many numbers as a rank's tokens have",
                                          .order = 9,
                                          .make = [](Problem& problem, const CaseSpec&) -> std::unique_ptr<Benchmark> {
                                            return std::make_unique<ScanBenchmark>(problem);
                                          },
                                          .only_by_name = true,
                                          .needs = {Need::tokens}});

TEST_CASE("a benchmark of one file is run by its name, with its meter in the report, the table and the comparison",
          "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = std::string(MOEPERF_SOURCE_DIR) + "/benchmarks/workloads/smoke.toml";
  options.benchmarks = "scan";
  options.samples = 8;
  options.output =
      (std::filesystem::temp_directory_path() / ("moeperf_scan_" + comm.broadcast(std::to_string(getpid())) + ".h5"))
          .string();
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (!comm.is_root()) return;
  const Report report = read_report(options.output);
  std::filesystem::remove(options.output);
  REQUIRE(report.cases.size() == 1);
  const CaseResult& result = report.cases[0];
  REQUIRE(result.on("benchmark") == "scan");
  REQUIRE(result.verification.passed);
  REQUIRE(result.meters.size() == 1);
  REQUIRE(result.meters[0].meter == "numbers");
  REQUIRE(result.meters[0].samples.num_samples() == 8);
  // All ranks together add up every element of every token, once in each sample.
  const auto all = static_cast<double>(result.measurements[0].work.memory_bytes / sizeof(std::int64_t));
  REQUIRE(over_ranks(result.meters[0]) == std::vector<double>(8, all));

  std::ostringstream table, comparison;
  show_report(table, report);
  REQUIRE(table.str().find(" .numbers ") != std::string::npos);
  show_comparison(comparison, compare_reports(report, report));
  REQUIRE(comparison.str().find(" .numbers ") != std::string::npos);
}

}  // namespace
}  // namespace moeperf
