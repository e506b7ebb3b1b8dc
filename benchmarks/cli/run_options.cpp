#include "benchmarks/cli/run_options.hpp"

#include "benchmarks/cli/whole_number.hpp"
#include "benchmarks/configuration/axis.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"

#include <algorithm>

namespace moeperf {
namespace {

/// An option for each axis that has one and applies to the benchmark, or to any where that is empty.
void add_axis_options(CLI::App& command, RunOptions& options, const std::string& benchmark) {
  const auto applies = [&](const Axis& axis) {
    const auto& kinds = benchmark_kinds();
    return std::any_of(kinds.begin(), kinds.end(), [&](const BenchmarkKind& kind) {
      return (benchmark.empty() || kind.name == benchmark) && kind.asks_for(axis.name());
    });
  };
  for (const Axis& axis : all_axes()) {
    if (axis.option.empty() || !applies(axis)) continue;
    CLI::Option* option = command.add_option(axis.option, options.axes[axis.name()], axis.help)->delimiter(',');
    if (axis.is_number()) option->type_name("INT")->check(whole_number(1));
  }
}

/// After --tokens.
void add_sweep_options(CLI::App& command, RunOptions& options) {
  CLI::Option* begin = command.add_option(
      "-b,--begin", options.begin,
      "Smallest size of a sweep: tokens per rank or, with B, K, M, G, KiB, MiB, GiB, logical bytes per rank [none]");
  begin->excludes("--tokens");
  command.add_option("-e,--end", options.end, "Largest size of a sweep [--begin]")->needs(begin);
  command.add_option("-f,--factor", options.factor, "From one size of a sweep to the next [2]")->needs(begin);
}

}  // namespace

void add_run_options(CLI::App& command, RunOptions& options, const std::string& benchmark) {
  // What is not given comes from the file, so the defaults are named in the texts: [in brackets].
  command.option_defaults()->always_capture_default(false);
  command.add_option("suite", options.suite, "Standard suite or workload (see `moeperf list`), or a TOML file")
      ->capture_default_str();
  command
      .add_option("--workload", options.workloads,
                  "Run these workloads with the suite's [run] settings [the suite itself]")
      ->delimiter(',');
  add_axis_options(command, options, benchmark);
  command
      .add_option(
          "--phase", options.phases,
          "train | prefill | decode, with the default tokens if the workload has no such phase [the workload's]")
      ->delimiter(',')
      ->check(CLI::IsMember({"train", "prefill", "decode"}));
  command
      .add_option("--tokens", options.tokens,
                  "Tokens per rank; a list is dealt out to the ranks in turn, 0 allowed [the workload's]")
      ->delimiter(',')
      ->check(whole_number(0));
  add_sweep_options(command, options);
  command
      .add_option("--set", options.overrides,
                  "key=value: overrides a key of the workload file, e.g. model.top_k=4 [none]")
      ->allow_extra_args(false);
  command.add_option("--seed", options.seed, "Seed of tokens, weights and samples [1]")->check(whole_number(0));
  command.add_option("-w,--warmup", options.warmup, "Untimed samples before a case's own [2]")->check(whole_number(0));
  CLI::Option* samples = command
                             .add_option("-n,--iters", options.samples,
                                         "Exactly so many samples per case (balance: always its steps) [none]")
                             ->check(whole_number(1));
  command.add_option("--min-samples", options.min_samples, "Samples per case at least [10]")
      ->check(whole_number(1))
      ->excludes(samples);
  command.add_option("--max-time", options.max_time_s, "Seconds of sampling per case, once it has its samples [2]")
      ->excludes(samples);
  command.add_option("--target-ci", options.target_ci,
                     "Stop at this half-width of the median's 95 % CI, relative [0.01]");
  command.add_option("--time-limit", options.time_limit_s,
                     "Seconds after which a phase of one sample counts as stalled and the run ends; 0: never [60]");
  command.add_option("--prepare-limit", options.prepare_limit_s,
                     "The same for the preparation and for the verification of a case; 0: never [600]");
  command
      .add_option("--expert-weights", options.expert_weights,
                  "full | pooled: a few weight buffers stand for all experts [full]")
      ->check(CLI::IsMember({"full", "pooled"}));
  CLI::Option* output = command.add_option("-o,--output", options.output, "Report file [moeperf-<host>-<UTC time>.h5]");
  CLI::Option* force = command.add_flag("--force", options.force, "Replace an existing report");
  CLI::Option* append = command.add_option(
      "--append", options.append,
      "Add this run to the report FILE as one more launch, if all else is equal; where there is none, begin "
      "it [none]");
  append->excludes(output)->excludes(force);
  command
      .add_option(
          "--resume", options.resume,
          "Go on with the report FILE (or FILE.part) of the same run that was killed or ended early: what is there is "
          "not measured again; where there is none, begin it [none]")
      ->excludes(output)
      ->excludes(force)
      ->excludes(append);
  command
      .add_option(
          "--total-time", options.total_time_s,
          "Seconds for the whole run: it ends in time, between two cases, with what it has [the job's, from Slurm]")
      ->check(CLI::PositiveNumber);
  command.add_flag("--dry-run", options.dry_run, "Print the plan and the memory it needs; measure nothing");
}

void select_run(const std::shared_ptr<const RunOptions>& options, Command& selected) {
  selected.mpi = options->dry_run ? MpiUse::if_it_starts : MpiUse::needed;
  selected.run = [options](Communicator& comm) { return run(*options, comm); };
}

}  // namespace moeperf
