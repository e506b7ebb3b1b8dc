#pragma once

#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/run.hpp"

#include <memory>
#include <string>

namespace moeperf {

/// The options of subcommands that measure and write a report: workload, axes, sampling, output. `options` outlives the
/// command. `benchmark`: the one that it runs, whose axes alone have an option; empty: any.
void add_run_options(CLI::App& command, RunOptions& options, const std::string& benchmark = "");

/// The command that measures, or plans without MPI if need be.
void select_run(const std::shared_ptr<const RunOptions>& options, Command& selected);

}  // namespace moeperf
