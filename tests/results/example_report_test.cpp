#include "tests/results/example_report.hpp"

#include "results/writer.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_axes.hpp"

#include <unistd.h>

#include <random>

namespace moeperf::test {
namespace {

namespace fs = std::filesystem;

Measurement measurement(const std::string& part, double time_s, std::int64_t num_samples, std::int64_t num_ranks) {
  Measurement m;
  m.part = part;
  m.samples = {.num_ranks = num_ranks, .launch_sizes = {num_samples}};
  std::mt19937_64 random(std::hash<std::string>{}(part));
  std::uniform_real_distribution<double> noise(1.0, 1.1);
  for (std::int64_t i = 0; i < num_samples * num_ranks; ++i) {
    m.samples.values.push_back(time_s * noise(random));
    m.samples.starts_s.push_back(0.5 + static_cast<double>(i) * time_s);
  }
  return m;
}

Samples without_starts(Samples samples) {
  samples.starts_s.clear();
  return samples;
}

/// These, and beside them what all cases of the report have in common.
Coordinates all_coordinates(Coordinates coordinates) {
  for (const ReportAxis& axis : example_axes()) coordinates.try_emplace(axis.name, axis.usual);
  for (const auto& [axis, value] :
       Coordinates{{"workload", "toy"}, {"phase", "decode"}, {"dtype", "bf16"}, {"tokens", "128"}}) {
    coordinates[axis] = value;
  }
  return coordinates;
}

CaseResult layer_case(const std::string& scheme, double time_s) {
  CaseResult result = example_case("layer_" + scheme, 20, 4);
  result.coordinates["scheme"] = scheme;
  result.measurements.back() = measurement("layer", time_s, 20, 4);
  return result;
}

CaseResult exchange_case() {
  CaseResult result = example_case("dispatch", 12, 4);
  result.coordinates["benchmark"] = "dispatch";
  result.meters.clear();
  result.measurements = {measurement("dispatch", 3e-4, 12, 4), measurement("bare", 2e-4, 12, 4)};
  result.measurements[0].baselines = {"bare"};
  result.measurements[0].baseline_work_ratio = 1.25;
  result.measurements[0].work.logical_bytes = 4e6;
  result.measurements[0].work.useful_bytes = 4e6;
  result.measurements[0].work.wire_bytes_intra = 3e6;
  result.measurements[1].role = Role::baseline;
  result.measurements[1].samples.invalid = {{2, 1, "late start"}, {2, 3, "late start"}};
  result.coordinates["weights"] = "pooled";
  result.coordinates["traffic"] = "topics";
  result.coordinates["wire"] = "fp8";
  result.coordinates["chunks"] = "4";
  return result;
}

CaseResult skipped_case() {
  CaseResult result;
  result.id = "expert_cuda";
  result.coordinates = all_coordinates({{"benchmark", "expert"}, {"kernel", "cuda"}});
  result.tokens_global = 512;
  result.should_run = true;
  result.skip_reason = "kernel 'cuda' is known but not compiled\nin this build";
  return result;
}

BalancingTrajectory trajectory(const std::string& scheme, bool has_bias) {
  BalancingTrajectory t{scheme,           "toy",     "decode",  scheme, "cpu", 3, 2, {6, 2, 5, 3, 4, 4},
                        {0.5, 0.25, 0.0}, {0, 1, 0}, {8, 8, 8}, {},     {}};
  if (has_bias) {
    t.bias = {0.0F, 0.0F, -0.001F, 0.001F, -0.002F, 0.002F};
  } else {
    t.aux_loss = {1.25, 1.0625, 1.0};
  }
  return t;
}

}  // namespace

CaseResult example_case(const std::string& id, std::int64_t num_samples, std::int64_t num_ranks) {
  CaseResult result;
  result.id = id;
  result.coordinates =
      all_coordinates({{"benchmark", "layer"}, {"scheme", "none"}, {"dispatcher", "mpi-alltoallv"}, {"kernel", "cpu"}});
  result.tokens_global = 512;
  result.routing_checksum = "0123456789abcdef";
  result.stop_reason = name(StopReason::target_ci);
  result.measurements = {measurement("expert", 1e-3, num_samples, num_ranks),
                         measurement("layer", 2e-3, num_samples, num_ranks)};
  result.measurements[0].work = {1e9, 1.25e9, 2e6, 0, 0, 0, 0};
  result.meters = {{.meter = "exposed",
                    .unit = "s",
                    .across_ranks = AcrossRanks::max,
                    .samples = without_starts(measurement("exposed", 5e-4, num_samples, num_ranks).samples)},
                   {.meter = "energy",
                    .unit = "J",
                    .across_ranks = AcrossRanks::sum,
                    .samples = without_starts(measurement("energy", 20, num_samples, num_ranks).samples)}};
  result.verification = {true, true, 0, 4096, 1e-3, 1e-2, "4096 rows against the reference, μ ± σ"};
  result.metrics = {{"received_rows_max_over_mean", 1.5}};
  result.notes = {{"kernel", "blocked GEMM"}, {"passes", ""}};
  return result;
}

Report example_report() {
  Report report;
  ReportHeader& header = report.header();
  header.run_id = "node1-20260101T000000Z";
  header.moeperf_version = "0.1.0 (abcdef)";
  header.command_line = "moeperf run toy ";
  header.start_time = "2026-01-01T00:00:00Z";
  header.seed = 0xF000000000000001U;
  header.config = "name = 'toy'\n[model]\nhidden = 64\nexperts = 2\n[run]\nseed = 1\n";
  header.num_ranks = 4;
  header.num_nodes = 2;
  header.num_cases_planned = 4;
  header.axes = example_axes();
  header.environment.facts = {{"mpi", "some MPI 1.0"}, {"threads_per_rank", "2"}, {"empty", ""}};
  header.environment.variables = {{"OMP_NUM_THREADS", "2"}};
  header.environment.nodes = {{"host", {"node1", "node2"}}, {"cpu_model", {"ACME 1", "ACME 1"}}};
  header.environment.ranks = {{"rank", {"0", "1", "2", "3"}}, {"host", {"node1", "node1", "node2", "node2"}}};
  report.cases = {layer_case("none", 2e-3), layer_case("ideal", 1e-3), exchange_case(), skipped_case()};
  report.cases[1].verification.passed = false;
  report.cases[1].verification.wrong = 3;
  report.cases[1].verification.failed = {"every bias follows from the loads of the step before"};
  report.balancing = {trajectory("loss-free", true), trajectory("aux-loss", false)};
  report.launches.back().end_time = "2026-01-01T00:01:00Z";
  report.status = "INVALID: layer_ideal is wrong";
  return report;
}

void write_report(const Report& report, const fs::path& path, bool force) {
  ReportWriter writer(path, force, report.header(), 1 << 20);
  for (const CaseResult& result : report.cases) writer.add_case(result);
  for (const BalancingTrajectory& t : report.balancing) writer.add_balancing(t);
  writer.finish(report.launches.back().end_time, report.status);
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "moeperf_results_XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace moeperf::test
