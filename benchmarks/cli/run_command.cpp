#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/run_options.hpp"

#include <memory>

namespace moeperf {

void add_run_command(CLI::App& app, Command& selected) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Measures a suite or a workload and writes an HDF5 report");
  add_run_options(*command, *options);
  command->add_option("--benchmark", options->benchmarks,
                      "Only benchmarks whose whole name matches this regular expression [.*]");
  command->callback([options, &selected] { select_run(options, selected); });
}

}  // namespace moeperf
