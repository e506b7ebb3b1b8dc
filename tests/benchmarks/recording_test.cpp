#include "benchmarks/inputs/recording.hpp"

#include "benchmarks/cli/route.hpp"
#include "benchmarks/cli/run.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/sweep.hpp"
#include "harness/machine.hpp"
#include "kernels/base/error.hpp"
#include "kernels/traffic/random_rows.hpp"
#include "results/hdf5.hpp"
#include "results/reader.hpp"
#include "results/routing_reader.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <fmt/format.h>

#include <set>

namespace moeperf {
namespace {

const std::string smoke = std::string(MOEPERF_SOURCE_DIR) + "/benchmarks/workloads/smoke.toml";
constexpr std::int64_t steps = 3, tokens = 17, experts = 10, top_k = 3;
const std::vector<std::int64_t> per_rank{33, 0, 20};

/// Records a routing of smoke's shape with `moeperf route`, some copies dropped. Collective.
void record(const Communicator& comm, const test::Folder& folder, const std::string& out) {
  std::vector<float> logits(steps * tokens * experts);
  fill_random_row(23, RandomStream::token_noise, 0, 1.0f, nullptr, static_cast<std::int64_t>(logits.size()),
                  logits.data());
  for (std::size_t i = 0; i < logits.size(); i += experts) logits[i] += 2.0f;
  if (comm.is_root()) {
    const hdf5::Handle file = hdf5::create_file(folder / "logits.h5");
    hdf5::write_dataset(file, "logits", {steps, tokens, experts}, logits);
    hdf5::write_attribute(file, "layout", std::string("step,token,expert"));
  }
  comm.barrier();
  RouteOptions options;
  options.logits = folder / "logits.h5";
  options.out = out;
  options.scheme = "aux-loss";
  options.gate.top_k = top_k;
  options.settings["capacity_factor"] = 1.25;
  REQUIRE(run_route(options, comm) == exit_ok);
}

std::int64_t tokens_of(int rank) { return per_rank[static_cast<std::size_t>(rank) % per_rank.size()]; }

/// The recorded step that is measured, however many balancing steps there are.
constexpr std::int64_t replayed_step = steps - 1;

std::int32_t recorded_expert(const RoutingFile& file, std::int64_t global_token, std::int64_t k) {
  return file.indices[static_cast<std::size_t>(((replayed_step * tokens) + global_token % tokens) * top_k + k)];
}

/// Copies of the replayed batch, counted in the file one by one: kept, and kept by an expert of another rank.
struct Copies {
  double all = 0, kept = 0, remote = 0;
};

Copies count_copies(const RoutingFile& file, int num_ranks) {
  const Placement placement(experts, num_ranks);
  Copies copies;
  std::int64_t global = 0;
  for (int rank = 0; rank < num_ranks; ++rank) {
    for (std::int64_t t = 0; t < tokens_of(rank); ++t, ++global) {
      for (std::int64_t k = 0; k < top_k; ++k) {
        const std::int32_t expert = recorded_expert(file, global, k);
        ++copies.all;
        if (expert < 0) continue;
        ++copies.kept;
        if (placement.owner(expert) != rank) ++copies.remote;
      }
    }
  }
  return copies;
}

TEST_CASE("a routing recorded by route is replayed copy by copy", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "replay");
  const std::string trace = folder / "trace.h5";
  record(comm, folder, trace);
  const RoutingFile file = read_routing(trace);
  const std::vector<SuiteConfig> points =
      expand_sweeps({parse_config("[model]\nhidden = 64\nintermediate = 32\nexperts = 10\ntop_k = 3\n"
                                  "[phase.prefill]\ntokens_per_rank = [33, 0, 20]\n[balancing]\nsteps = 10\n",
                                  "smoke.toml", {"traffic.pattern=trace", "traffic.trace.file='" + trace + "'"})},
                    comm);
  Backends backends({num_threads()});
  ExpertBank bank(backends);
  Problem problem(points[0].workload, points[0].workload.phases[0], points[0].run, comm, bank);
  const Routing& routing = problem.state("none", "reference").routing;
  REQUIRE(routing.num_tokens == tokens_of(comm.rank()));
  for (std::int64_t t = 0; t < routing.num_tokens; ++t) {
    for (std::int64_t k = 0; k < top_k; ++k) {
      REQUIRE(routing.topk_idx[static_cast<std::size_t>(t * top_k + k)] ==
              recorded_expert(file, problem.first_token() + t, k));
    }
  }
  REQUIRE_THROWS_AS(problem.state("ideal", "reference"), Error);
}

TEST_CASE("bytes of a replay are those of the file, and what makes its own choice is skipped", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "replay");
  const std::string trace = folder / "trace.h5";
  record(comm, folder, trace);
  RunOptions options;
  options.suite = smoke;
  options.axes["dispatcher"] = {"mpi-alltoallv"};
  options.benchmarks = "balance|gate|permute|expert|dispatch|combine|layer";  // no links, which one rank lacks
  options.axes["traffic"] = {"trace"};
  options.overrides = {"traffic.trace.file='" + trace + "'"};
  options.samples = 2;
  options.output = folder / "report.h5";
  REQUIRE(run(options, comm) == exit_ok);
  if (!comm.is_root()) return;
  const Report report = read_report(options.output);
  const Copies copies = count_copies(read_routing(trace), comm.size());
  REQUIRE(copies.kept < copies.all);
  constexpr double row_bytes = 64 * 2;
  std::set<std::string> measured;
  for (const CaseResult& result : report.cases) {
    INFO(result.id << ": " << result.skip_reason);
    CHECK(result.on("traffic") == "trace");
    if (!result.skip_reason.empty()) {
      const bool own_choice =
          result.on("benchmark") == "gate" || result.on("benchmark") == "balance" || result.on("benchmark") == "layer";
      CHECK((own_choice || (result.on("scheme") != "none" && result.on("scheme") != "-")));
      CHECK(result.skip_reason.find("a trace prescribes the routing") == 0);
      continue;
    }
    measured.insert(result.on("benchmark"));
    CHECK(result.verification.passed);
    const WorkModel& work = result.measurements.at(0).work;
    const double wire = work.wire_bytes_intra + work.wire_bytes_inter;
    if (result.on("benchmark") == "combine") CHECK(wire == copies.remote * row_bytes);
    if (result.on("benchmark") == "dispatch") {
      const double counts = comm.size() * (comm.size() - 1.0) * ((experts + comm.size() - 1) / comm.size()) * 8;
      CHECK(wire == copies.remote * row_bytes + counts);
      CHECK(work.logical_bytes == copies.all * row_bytes);
      CHECK(work.useful_bytes == copies.kept * row_bytes);
    }
  }
  for (const char* benchmark : {"permute", "expert", "dispatch", "combine"}) CHECK(measured.count(benchmark) == 1);
  for (const char* benchmark : {"gate", "balance", "layer"}) CHECK(measured.count(benchmark) == 0);
}

TEST_CASE("a trace [token, layer, k] replays the layer that the workload names", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "layers");
  const std::string trace = folder / "trace.h5";
  if (comm.is_root()) {
    const hdf5::Handle file = hdf5::create_file(trace);
    hdf5::write_dataset<std::int32_t>(file, "indices", {2, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1});
    hdf5::write_attribute(file, "num_experts", std::int64_t{10});
    hdf5::write_attribute(file, "top_k", std::int64_t{3});
  }
  comm.barrier();
  const auto config_of = [&](const std::vector<Override>& more) {
    std::vector<Override> overrides{"traffic.pattern=trace", "traffic.trace.file='" + trace + "'"};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return parse_config("[model]\nhidden = 64\nintermediate = 32\nexperts = 10\ntop_k = 3\n", "w.toml", overrides);
  };
  const SuiteConfig named = config_of({"traffic.trace.layout='token,layer,k'", "traffic.trace.layer=1"});
  for (const SuiteConfig& config : {named, parse_config(to_toml(named), "again.toml", {})}) {
    const auto recording = expand_sweeps({config}, comm).at(0).workload.traffic.recording;
    CHECK(recording->num_steps == 1);
    CHECK(recording->num_tokens == 2);
    CHECK(recording->indices == std::vector<std::int32_t>{3, 4, 5, 9, 0, 1});
  }
  CHECK_THROWS_AS(expand_sweeps({config_of({})}, comm), UserError);
  CHECK_THROWS_AS(expand_sweeps({config_of({"traffic.trace.layout='token,layer,k'"})}, comm), UserError);
  CHECK_THROWS_AS(config_of({"traffic.trace.layer=-2"}), UserError);
}

TEST_CASE("recordings that do not fit are user errors on every rank, with file, finding and what is accepted",
          "[mpi]") {
  const Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "unfit");
  GateConfig gate;
  gate.num_experts = 4;
  gate.top_k = 2;
  const std::string path = folder / "bad.h5";
  RecordingSource traffic{.file = path, .table = "traffic.trace"};
  struct File {
    std::vector<std::int64_t> shape{2, 2};
    std::vector<std::int32_t> indices{0, 1, 2, 3};
    std::vector<float> weights;
    std::int64_t num_experts = 4, top_k = 2;
    std::string dataset = "indices";
  };
  const auto write = [&](const File& given) {
    comm.barrier();
    if (comm.is_root()) {
      const hdf5::Handle file = hdf5::create_file(path);
      hdf5::write_dataset(file, given.dataset, given.shape, given.indices);
      if (!given.weights.empty()) hdf5::write_dataset(file, "weights", given.shape, given.weights);
      hdf5::write_attribute(file, "num_experts", given.num_experts);
      if (given.top_k > 0) hdf5::write_attribute(file, "top_k", given.top_k);
    }
    comm.barrier();
  };
  const auto complaint = [&](auto change) -> std::string {
    File file;
    change(file);
    write(file);
    try {
      (void)read_recording(comm, traffic, gate);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no complaint";
  };
  const auto check = [&](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(path) == 0);
    CHECK(text.find(part) != std::string::npos);
    CHECK(text.find("accepted: ") != std::string::npos);
  };
  write({});
  const auto recording = read_recording(comm, traffic, gate);
  CHECK(recording->weights == std::vector<float>(4, 0.5f));  // 1/K where there are none
  CHECK(recording->indices == std::vector<std::int32_t>{0, 1, 2, 3});
  CHECK(recording->num_steps == 1);

  check(complaint([](File& f) { f.num_experts = 8; }), "over 8 experts");
  check(complaint([](File& f) { f.shape = {4, 1}, f.top_k = 1; }), "top_k 1");
  check(complaint([](File& f) { f.shape = {4, 1}; }), "'indices' has 1 choices per token, attribute top_k is 2");
  check(complaint([](File& f) { f.indices[3] = 4; }), "expert 4 at indices[step 0, token 1, copy 1]");
  check(complaint([](File& f) { f.indices[1] = 0; }), "expert 0 twice");
  check(complaint([](File& f) { f.shape = {0, 2}, f.indices.clear(); }), "empty");
  check(complaint([](File& f) { f.shape = {4}; }), "1 dimensions");
  check(complaint([](File& f) { f.shape = {1, 2, 2}; }), "as traffic.trace.layout or as the attribute layout");
  check(complaint([](File& f) { f.top_k = 0; }), "no attribute 'top_k'");
  check(complaint([](File& f) { f.dataset = "choices"; }), "no dataset 'indices'");
  check(complaint([](File& f) { f.weights = {1, 1, 1, std::numeric_limits<float>::quiet_NaN()}; }), "weight nan");
  comm.barrier();
  if (comm.is_root()) {
    std::filesystem::resize_file(path, 100);
  }
  comm.barrier();
  CHECK_THROWS_AS(read_recording(comm, traffic, gate), UserError);
  traffic.file = folder / "none.h5";
  CHECK_THROWS_AS(read_recording(comm, traffic, gate), UserError);
}

}  // namespace
}  // namespace moeperf
