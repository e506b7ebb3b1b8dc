#pragma once

#include "benchmarks/suite/run.hpp"

#include <CLI/CLI.hpp>

namespace moeperf {

/// The options of subcommands that measure and write a report: workload, axes, sampling, output. `options` outlives the
/// command.
void add_run_options(CLI::App& command, RunOptions& options);

}  // namespace moeperf
