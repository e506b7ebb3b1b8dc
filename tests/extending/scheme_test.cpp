// A balancing scheme with a table of its own, as a contributor would add it: everything above the tests is what its
// file kernels/balancing/dead_band.cpp would hold. No other file knows it.

#include "kernels/balancing/scheme.hpp"
#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/run.hpp"
#include "results/hdf5.hpp"
#include "results/reader.hpp"
#include "tests/benchmarks/folder.hpp"
#include "tests/catch.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

namespace moeperf {
namespace {

/// b_i += rate · sign(c̄ − c_i), but only where |c̄ − c_i| > band · c̄: loads that are even enough leave the bias
/// alone.
class DeadBand final : public BalancingScheme {
 public:
  explicit DeadBand(const SchemeContext& context)
      : rate_(context.settings.real("rate")),
        band_(context.settings.real("band")),
        reducer_(*context.reducer),
        load_(static_cast<std::size_t>(context.gate.num_experts)),
        change_(load_.size()) {}

  std::string_view name() const override { return "dead-band"; }
  bool has_bias() const override { return true; }

  RouterChange update(const GateBatch& batch, SchemeMemory&) override {
    std::fill(load_.begin(), load_.end(), 0);
    for (const std::int32_t expert : batch.routing->topk_idx) {
      if (expert >= 0) ++load_[static_cast<std::size_t>(expert)];
    }
    reducer_.sum(std::span(load_));
    for (std::size_t i = 0; i < load_.size(); ++i) change_[i] = change_of(load_, i);
    return {.bias = change_};
  }

  std::vector<Claim> check(const SchemeRecord& record) override {
    Claim claim{"the bias moves where the load is outside the band, and only there"};
    const auto experts = static_cast<std::size_t>(record.num_experts);
    for (std::int64_t step = 0; step < record.num_steps(); ++step) {
      const std::span<const float> next =
          step + 1 < record.num_steps() ? record.bias.subspan(static_cast<std::size_t>(step + 1) * experts, experts)
                                        : std::span<const float>(record.reached->bias);
      for (std::size_t i = 0; i < experts; ++i) {
        const double before = record.bias[static_cast<std::size_t>(step) * experts + i];
        claim.require(next[i] == static_cast<float>(before + change_of(record.load_of(step), i)));
      }
    }
    return {claim};
  }

 private:
  double change_of(std::span<const std::int64_t> load, std::size_t expert) const {
    const double mean = static_cast<double>(std::accumulate(load.begin(), load.end(), std::int64_t{0})) /
                        static_cast<double>(load.size());
    const double missing = mean - static_cast<double>(load[expert]);
    return std::abs(missing) > band_ * mean ? std::copysign(rate_, missing) : 0.0;
  }

  double rate_, band_;
  Reducer& reducer_;
  std::vector<std::int64_t> load_;
  std::vector<double> change_;
};

const Registration registration(
    scheme_registry(),
    {.name = "dead-band",
     .summary = "selection bias moved against loads that are uneven enough",
     .priority = 0,
     .unsupported_reason = {},
     .make = [](const SchemeContext& context) { return std::make_unique<DeadBand>(context); },
     .missing_option = {},
     .traits = {.settings = {real_setting("rate", "step of the bias", 0.001, at_least(0)),
                             real_setting("band", "deviation from the mean load that is let be, as a fraction of it",
                                          0.1, at_least(0))}}});

// ---- The program with it.

const std::string workload =
    "[model]\nhidden = 32\nintermediate = 16\nexperts = 6\ntop_k = 2\n[phase.train]\ntokens_per_rank = 40\n"
    "[balancing]\nsteps = 8\n[balancing.dead-band]\nrate = 0.0625\n";

RunOptions options_of(const test::Folder& folder, const Communicator& comm, const std::string& more) {
  if (comm.is_root()) std::ofstream(folder / "band.toml") << workload << more;
  comm.barrier();
  RunOptions options;
  options.suite = folder / "band.toml";
  options.benchmarks = "balance|layer";
  options.axes["scheme"] = {"dead-band"};
  options.axes["dispatcher"] = {"mpi-alltoallv"};
  options.axes["kernel"] = {"reference"};
  options.samples = 1;
  options.output = folder / "report.h5";
  options.force = true;
  return options;
}

/// Values of the bias that the steps of `balance` had, largest magnitude.
float largest_bias(const Report& report) {
  REQUIRE(report.balancing.size() == 1);
  REQUIRE(report.balancing[0].bias.size() == 8 * 6);
  float largest = 0;
  for (const float bias : report.balancing[0].bias) largest = std::max(largest, std::abs(bias));
  return largest;
}

TEST_CASE("a scheme with a table of its own runs, by the keys of a workload file, and is held to its own claims",
          "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "dead_band");
  RunOptions options = options_of(folder, comm, "band = 0.25\n");
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) {
    const Report report = read_report(options.output);
    REQUIRE(report.status == "VALID");
    CHECK(report.header().config.find("band = 0.25") != std::string::npos);
    CHECK(largest_bias(report) >= 0.0625f);
    REQUIRE(report.cases.size() == 2);
    CHECK(report.cases[0].verification.scope.find("outside the band") != std::string::npos);
  }
  comm.barrier();
  options = options_of(folder, comm, "band = 100\n");  // nothing is that uneven
  REQUIRE(run(options, comm) == exit_ok);
  if (comm.is_root()) CHECK(largest_bias(read_report(options.output)) == 0);
}

TEST_CASE("what a scheme's table cannot hold is refused with its place", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "dead_band_refused");
  const auto refusal = [&](const std::string& more, const std::vector<std::string>& overrides) -> std::string {
    RunOptions options = options_of(folder, comm, more);
    options.overrides = overrides;
    options.dry_run = true;
    try {
      run(options, comm);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(refusal("band = -1\n", {}) ==
        (folder / "band.toml") + ":12: balancing.dead-band.band: -1 given; accepted: a finite number, 0 or more");
  CHECK(refusal("", {"balancing.dead-band.band=wide"}) ==
        "--set balancing.dead-band.band: 'wide' given; accepted: a finite number");
  CHECK(refusal("bend = 1\n", {}) ==
        (folder / "band.toml") + ":12: balancing.dead-band.bend: unknown key; accepted here: band, rate");
  CHECK(refusal("band = 0\n", {}).empty());
}

TEST_CASE("a scheme's settings are options of route", "[mpi]") {
  Communicator comm(MPI_COMM_WORLD);
  const test::Folder folder(comm, "dead_band_route");
  if (comm.is_root()) {
    const hdf5::Handle file = hdf5::create_file(folder / "in.h5");
    hdf5::write_dataset<float>(file, "logits", {2, 4, 2}, {1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1});
    hdf5::write_attribute(file, "layout", std::string("step,token,expert"));
  }
  comm.barrier();
  const auto bias_of = [&](const std::string& band) {
    CLI::App app;
    Command selected;
    add_route_command(app, selected);
    app.parse("route --force --logits " + (folder / "in.h5") + " -o " + (folder / "out.h5") +
              " --top-k 1 --scheme dead-band --rate 0.5 --band " + band);
    REQUIRE(selected.run(comm) == exit_ok);
    const hdf5::Handle file = hdf5::open_file(folder / "out.h5", false);
    CHECK(hdf5::read_real_attribute(file, "rate") == 0.5);
    const std::vector<float> bias = hdf5::read_dataset<float>(file, "bias");
    comm.barrier();
    return bias;
  };
  // Loads 3 and 1 of a mean of 2: half of it off.
  CHECK(bias_of("0.4") == std::vector<float>{0, 0, -0.5f, 0.5f});
  CHECK(bias_of("0.6") == std::vector<float>{0, 0, 0, 0});
}

}  // namespace
}  // namespace moeperf
