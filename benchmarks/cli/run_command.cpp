#include "benchmarks/cli/commands.hpp"
#include "benchmarks/suite/run.hpp"
#include "kernels/base/error.hpp"

#include <fmt/format.h>

#include <memory>

namespace moeperf {

void add_run_command(CLI::App& app, Command& selected) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Measures a suite or a workload and writes an HDF5 report");
  // What is not given comes from the file, so the defaults are named in the texts: [in brackets].
  command->option_defaults()->always_capture_default(false);
  command->add_option("suite", options->suite, "Standard suite or workload (see `moeperf list`), or a TOML file")
      ->capture_default_str();
  command
      ->add_option("--workload", options->workloads,
                   "Run these workloads with the suite's [run] settings [the suite itself]")
      ->delimiter(',');
  command->add_option("--benchmark", options->benchmarks,
                      "Only benchmarks whose whole name matches this regular expression [.*]");
  command->add_option("--dispatcher", options->dispatchers, "Names, or all, or auto: the best that can run here [auto]")
      ->delimiter(',');
  command
      ->add_option("--wire", options->wires,
                   "What rows travel as: native (the model's own type), bf16, fp8, f32, or all [native]")
      ->delimiter(',');
  command->add_option("--kernel", options->kernels, "Names, or all, or auto: the best that can run here [auto]")
      ->delimiter(',');
  command->add_option("--scheme", options->schemes, "Balancing schemes: names, or all [all]")->delimiter(',');
  command
      ->add_option(
          "--phase", options->phases,
          "train | prefill | decode, with the default tokens if the workload has no such phase [the workload's]")
      ->delimiter(',')
      ->check(CLI::IsMember({"train", "prefill", "decode"}));
  command
      ->add_option("--tokens", options->tokens,
                   "Tokens per rank; a list is dealt out to the ranks in turn, 0 allowed [the workload's]")
      ->delimiter(',');
  command
      ->add_option("--chunks", options->chunks,
                   "Parts of the batch in which the layer's exchanges run under its experts; each number a case [1]")
      ->delimiter(',');
  command
      ->add_option("--set", options->overrides,
                   "key=value: overrides a key of the workload file, e.g. model.top_k=4 [none]")
      ->allow_extra_args(false);
  command->add_option("--seed", options->seed, "Seed of tokens, weights and samples [1]");
  command->add_option("--min-samples", options->min_samples, "Samples per case at least [10]");
  command->add_option("--max-time", options->max_time_s, "Seconds of sampling per case, once it has its samples [2]");
  command->add_option("--target-ci", options->target_ci,
                      "Stop at this half-width of the median's 95 % CI, relative [0.01]");
  command->add_option("--time-limit", options->time_limit_s,
                      "Seconds after which a phase of one sample counts as stalled and the run ends; 0: never [60]");
  command
      ->add_option("--expert-weights", options->expert_weights,
                   "full | pooled: a few weight buffers stand for all experts [full]")
      ->check(CLI::IsMember({"full", "pooled"}));
  command->add_option("-o,--output", options->output, "Report file [moeperf-<host>-<UTC time>.h5]");
  command->add_flag("--force", options->force, "Replace an existing report");
  command->add_flag("--dry-run", options->dry_run, "Print the plan and the memory it needs; measure nothing");
  command->callback([options, &selected] { selected = [options](Communicator& comm) { return run(*options, comm); }; });
}

}  // namespace moeperf
