#include "benchmarks/inputs/expert_bank.hpp"

#include "benchmarks/cli/commands.hpp"
#include "harness/machine.hpp"
#include "kernels/base/error.hpp"
#include "results/reader.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <filesystem>
#include <fstream>
#include <set>

namespace moeperf {
namespace {

ModelShape model_of(std::int64_t hidden, std::int64_t intermediate = 16) {
  ModelShape model;
  model.hidden = hidden;
  model.intermediate = intermediate;
  model.gate.num_experts = 8;
  model.gate.top_k = 2;
  model.shared_experts = 1;
  model.dtype = DType::f32;
  return model;
}

/// The experts' output to a row of ones.
std::vector<float> expert_out(ExpertFfn& experts, std::int64_t hidden) {
  RowBuffer in(1, hidden, DType::f32), out(1, hidden, DType::f32);
  std::fill_n(in.rows().row<float>(0), hidden, 1.0f);
  const std::int64_t offsets[]{0, 1};
  const std::int32_t sets[]{0};
  experts.forward(std::as_const(in).rows(), RowGroups::contiguous(offsets), sets, out.rows());
  return {out.rows().row<float>(0), out.rows().row<float>(0) + hidden};
}

TEST_CASE("loaded experts are those of shape, seed, weights and kernel, whatever was loaded before") {
  Backends backends({num_threads()});
  ExpertBank bank(backends);
  const Placement placement(8, 2);
  const auto routed = [&](ExpertBank& from, const ModelShape& model, int rank, std::uint64_t seed,
                          ExpertWeightsMode mode = ExpertWeightsMode::full) {
    const WeightAssignment weights(model, placement, mode, 1);
    return expert_out(from.routed(model, "reference", weights, rank, seed), model.hidden);
  };
  const auto fresh = [&](const ModelShape& model, int rank, std::uint64_t seed) {
    Backends backends({num_threads()});
    ExpertBank other(backends);
    return routed(other, model, rank, seed);
  };
  for (const ModelShape& model : {model_of(64), model_of(64, 24), model_of(48)}) {
    for (const int rank : {0, 1}) {
      for (const std::uint64_t seed : {1, 2}) {
        INFO(model.hidden << " x " << model.intermediate << ", rank " << rank << ", seed " << seed);
        CHECK(routed(bank, model, rank, seed) == fresh(model, rank, seed));
      }
    }
  }
  CHECK(routed(bank, model_of(64), 1, 1) != routed(bank, model_of(64), 1, 1, ExpertWeightsMode::pooled));
  ExpertFfn* shared = bank.shared(model_of(64), "reference", 1);
  CHECK(bank.shared(model_of(64), "reference", 1) == shared);
  const std::vector<float> before = expert_out(*shared, 64);
  CHECK(expert_out(*bank.shared(model_of(64), "reference", 2), 64) != before);
}

TEST_CASE("two workload files of one stem have experts of their own", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "stem");
  if (comm.is_root()) {
    for (const auto& [name, hidden] : {std::pair{"a", 64}, std::pair{"b", 128}}) {
      std::filesystem::create_directories(folder / name);
      std::ofstream(folder / (std::string(name) + "/w.toml"))
          << "[model]\nhidden = " << hidden << "\nintermediate = 32\nexperts = 8\ntop_k = 2\nshared_experts = 1\n"
          << "[phase.prefill]\ntokens_per_rank = 16\n[balancing]\nsteps = 3\n";
    }
  }
  comm.barrier();
  CLI::App app;
  Command selected;
  add_run_command(app, selected);
  app.parse("run " + (folder / "a/w.toml") + " --workload " + (folder / "a/w.toml") + " " + (folder / "b/w.toml") +
            " --benchmark expert|layer --scheme none --kernel reference --dispatcher mpi-alltoallv -n 2 -o " +
            (folder / "report.h5"));
  REQUIRE(selected.run(comm) == exit_ok);
  if (!comm.is_root()) return;
  std::set<std::string> workloads;
  for (const CaseResult& result : read_report(folder / "report.h5").cases) workloads.insert(result.on("workload"));
  REQUIRE(workloads == std::set<std::string>{"w", "w-2"});
}

}  // namespace
}  // namespace moeperf
