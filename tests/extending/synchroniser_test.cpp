// A synchroniser, whole in this file: nothing else knows it.
//
// cold-start: a barrier before each timed part. The first start of a case, which finds the caches cold, does not count.

#include "harness/synchroniser.hpp"

#include "benchmarks/cli/run.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "results/statistics.hpp"
#include "tests/catch.hpp"

#include <unistd.h>

#include <filesystem>
#include <sstream>

namespace moeperf {
namespace {

class ColdStartSynchroniser final : public Synchroniser {
 public:
  explicit ColdStartSynchroniser(const Communicator& comm) : comm_(comm) {}
  const char* name() const override { return "cold-start"; }
  void prepare() override { starts_ = 0; }
  std::string_view align() override {
    comm_.barrier();
    return starts_++ == 0 ? "cold caches" : "";
  }
  void finish(CaseResult& result) override { result.metrics["starts"] = static_cast<double>(starts_); }

 private:
  const Communicator& comm_;
  std::int64_t starts_ = 0;
};

const Registration registration(synchroniser_registry(),
                                {.name = "cold-start",
                                 .summary = "a barrier; the first start of a case does not count",
                                 .priority = 0,
                                 .unsupported_reason = {},
                                 .make = [](const SynchroniserContext& context) -> std::unique_ptr<Synchroniser> {
                                   return std::make_unique<ColdStartSynchroniser>(context.comm);
                                 },
                                 .missing_option = {}});

TEST_CASE("a synchroniser of one file is taken by its name, and what it says of a start is stored, counted and shown",
          "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  RunOptions options;
  options.suite = std::string(MOEPERF_SOURCE_DIR) + "/benchmarks/workloads/smoke.toml";
  options.benchmarks = "gate";
  options.overrides = {"run.synchroniser=cold-start", "run.warmup=0"};
  options.samples = 8;
  options.output =
      (std::filesystem::temp_directory_path() / ("moeperf_cold_" + comm.broadcast(std::to_string(getpid())) + ".h5"))
          .string();
  options.force = true;
  REQUIRE(run(options, comm) == exit_ok);
  if (!comm.is_root()) return;
  const Report report = read_report(options.output);
  std::filesystem::remove(options.output);
  REQUIRE(report.header().environment.facts.at("synchroniser") == "cold-start");
  REQUIRE(report.cases.size() == 1);
  const CaseResult& result = report.cases[0];
  REQUIRE(result.metrics.at("starts") == 16);
  const Samples &gate = result.measurements[0].samples, &gemm = result.measurements[1].samples;
  REQUIRE(gate.invalid.size() == static_cast<std::size_t>(comm.size()));
  for (const InvalidSample& one : gate.invalid) {
    REQUIRE(one.sample == 0);
    REQUIRE(one.reason == "cold caches");
  }
  REQUIRE(gate.num_samples() == 8);
  REQUIRE(summarize(gate).num_samples == 7);
  REQUIRE(gemm.invalid.empty());
  std::ostringstream table;
  show_report(table, report);
  REQUIRE(table.str().find("# invalid: gate: 1 of 8 samples left out: cold caches\n") != std::string::npos);
}

}  // namespace
}  // namespace moeperf
