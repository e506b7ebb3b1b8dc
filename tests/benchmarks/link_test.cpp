#include "benchmarks/configuration/config.hpp"
#include "benchmarks/inputs/expert_bank.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "harness/machine.hpp"
#include "harness/runner.hpp"
#include "results/statistics.hpp"
#include "tests/catch.hpp"

namespace moeperf {
namespace {

CaseResult link_result(Communicator& comm) {
  const SuiteConfig config = parse_config(
      "[model]\nhidden = 32\nintermediate = 16\nexperts = 6\ntop_k = 2\ndtype = \"f32\"\n"
      "[phase.prefill]\ntokens_per_rank = 9\n[traffic]\npattern = \"uniform\"\n",
      "link.toml", {});
  Backends backends({num_threads()});
  ExpertBank bank(backends);
  Problem problem(config.workload, config.workload.phases[0], config.run, comm, bank);
  const Instruments instruments(comm);
  Watch watch;
  CaseResult result;
  for (const BenchmarkKind& kind : benchmark_kinds()) {
    if (kind.name == "link")
      run_case(*kind.make(problem, {}), comm, instruments, SamplingPlan{1, 3, 0, 0.5}, watch, result);
  }
  return result;
}

TEST_CASE("a link's row is the time of one message, and ranks that look on do not count as waiting", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD, 2);
  const CaseResult result = link_result(comm);
  if (comm.size() == 1) return;
  REQUIRE(result.verification.passed);
  if (!comm.is_root()) return;  // has no samples
  for (const Measurement& m : result.measurements) {
    INFO(m.part);
    const Samples& samples = m.samples;
    if (m.part == "alltoall") continue;
    // A rank that looks on has the time of the slowest at work, no shorter one.
    for (std::int64_t sample = 0; sample < samples.num_samples(); ++sample) {
      double at_work = 0;
      for (int rank = 0; rank < 2; ++rank) at_work = std::max(at_work, samples.at(sample, rank));
      const bool one_pair = m.part.find("all_pairs") == std::string::npos;
      if (one_pair && m.part.starts_with("intra")) {
        for (int rank = 2; rank < comm.size(); ++rank) REQUIRE(samples.at(sample, rank) == at_work);
      }
    }
    if (m.part.ends_with("_latency")) {
      REQUIRE(m.work.useful_bytes == 8);
      REQUIRE(result.metrics.at(m.part + "_s") == summarize(samples).median_s);
    }
    if (m.part.ends_with("_pingpong")) REQUIRE(m.work.useful_bytes == 4 << 20);
    if (m.part.ends_with("_both_ways")) REQUIRE(m.work.useful_bytes == 8 << 20);
  }
}

}  // namespace
}  // namespace moeperf
