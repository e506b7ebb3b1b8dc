// A traffic pattern with a parameter, as a contributor would add it: everything above the tests is what its file
// kernels/traffic/seasons.cpp would hold. No other file knows it.

#include "kernels/traffic/pattern.hpp"
#include "benchmarks/cli/run.hpp"
#include "kernels/base/error.hpp"
#include "kernels/traffic/random_rows.hpp"
#include "results/reader.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace moeperf {
namespace {

/// For `length` steps every token's hidden state is drawn towards the router's row of one expert, then to that of the
/// next: x = noise + W[season mod E], season = step / length. The season that is measured begins with its step.
class Seasons final : public TrafficPattern {
 public:
  explicit Seasons(const TrafficContext& context)
      : seed_(context.seed),
        length_(pattern_settings(context.workload->traffic, "seasons").integer("length")),
        pull_(copy_of(context.gate->weight.rows())) {
    constexpr float strength = 8;
    float* values = pull_.rows().row<float>(0);
    for (std::int64_t i = 0; i < pull_.rows().num_rows() * pull_.rows().num_cols(); ++i) values[i] *= strength;
  }

  void hidden_states(std::int64_t step, std::int64_t first_token, Rows out) const override {
    const std::int64_t seasons_before = (measured_step - step + length_ - 1) / length_;
    const std::int64_t experts = pull_.rows().num_rows();
    const float* offset = pull_.rows().row<float>((experts - 1) - seasons_before % experts);
    visit_dtype(out.dtype(), [&](auto zero) {
      using Element = decltype(zero);
      for (std::int64_t t = 0; t < out.num_rows(); ++t) {
        fill_random_row(seed_, RandomStream::token_noise, token_item(step, first_token + t), 1.0f, offset,
                        out.num_cols(), out.row<Element>(t));
      }
    });
  }

  std::string description() const override { return fmt::format("seasons of {} steps", length_); }

 private:
  std::uint64_t seed_;
  std::int64_t length_;
  RowBuffer pull_;  // [E,H]
};

const TrafficRegistration registration("seasons", "one expert after the other is what all tokens want",
                                       [](const TrafficContext& context) { return std::make_unique<Seasons>(context); },
                                       {.settings = {integer_setting("length", "steps of a season", 4, at_least(1))}});

// ---- The program with it.

std::vector<std::int64_t> busiest_experts(const Report& report) {
  REQUIRE(report.balancing.size() == 1);
  const BalancingTrajectory& trajectory = report.balancing[0];
  std::vector<std::int64_t> busiest;
  for (std::int64_t step = 0; step < trajectory.num_steps; ++step) {
    const auto load = trajectory.load.begin() + step * trajectory.num_experts;
    busiest.push_back(std::max_element(load, load + trajectory.num_experts) - load);
  }
  return busiest;
}

TEST_CASE("a traffic pattern with a parameter runs, by the key of a workload file, up to the step that is measured",
          "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "seasons");
  const auto write = [&](const std::string& length) {
    comm.barrier();
    if (comm.is_root()) {
      std::ofstream(folder / "seasons.toml")
          << "[model]\nhidden = 64\nintermediate = 16\nexperts = 5\ntop_k = 1\n[phase.prefill]\ntokens_per_rank = 64\n"
             "[balancing]\nsteps = 6\n[traffic]\npattern = \"seasons\"\n[traffic.seasons]\nlength = " +
                 length + "\n";
    }
    comm.barrier();
  };
  RunOptions options;
  options.suite = folder / "seasons.toml";
  options.benchmarks = "balance|layer";
  options.axes["scheme"] = {"none"};
  options.axes["dispatcher"] = {"mpi-alltoallv"};
  options.axes["kernel"] = {"reference"};
  options.samples = 1;
  options.output = folder / "report.h5";
  options.force = true;
  // The season that is measured is expert 4's.
  for (const auto& [length, busiest] : {std::pair{"3", std::vector<std::int64_t>{2, 2, 2, 3, 3, 3}},
                                        std::pair{"2", std::vector<std::int64_t>{1, 1, 2, 2, 3, 3}}}) {
    write(length);
    REQUIRE(run(options, comm) == exit_ok);
    if (comm.is_root()) {
      const Report report = read_report(options.output);
      CHECK(report.status == "VALID");
      CHECK(busiest_experts(report) == busiest);
      for (const CaseResult& result : report.cases) CHECK(result.on("traffic") == "seasons");
    }
    comm.barrier();
  }
  options.dry_run = true;
  options.overrides = {"traffic.seasons.length=0"};
  try {
    run(options, comm);
    FAIL("a season of no steps was accepted");
  } catch (const UserError& error) {
    CHECK(error.what() == std::string("--set traffic.seasons.length: 0 given; accepted: an integer of at least 1"));
  }
}

}  // namespace
}  // namespace moeperf
