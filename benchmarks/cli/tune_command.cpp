#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/run_options.hpp"

#include <memory>

namespace moeperf {

void add_tune_command(CLI::App& app, Command& selected) {
  auto options = std::make_shared<RunOptions>();
  options->benchmarks = "tune";
  CLI::App* command =
      app.add_subcommand("tune", "Which dispatcher is fastest for a workload on these ranks, phase by phase");
  add_run_options(*command, *options, "tune");
  command->footer(
      "Samples all dispatchers that can run here, or those named, in turn, and ranks them by the time of\n"
      "dispatch and combine together. The last lines are best_dispatcher[...] = NAME.");
  command->callback([options, &selected] { select_run(options, selected); });
}

}  // namespace moeperf
