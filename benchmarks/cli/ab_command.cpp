#include "benchmarks/cli/ab.hpp"
#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/comparison_output.hpp"
#include "benchmarks/cli/whole_number.hpp"
#include "harness/agreement.hpp"
#include "results/reader.hpp"

#include <iostream>
#include <memory>

namespace moeperf {

void add_ab_command(CLI::App& app, Command& selected) {
  struct Options {
    AbOptions ab;
    ComparisonOutput output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "ab",
      "Two commands launched in turns on this system, judged pair by pair: how a change of code or configuration is "
      "judged. Starts the launcher itself: call it without one. Exit status as that of compare, 3 where a launch "
      "fails");
  command->add_option("--base", options->ab.base, "Program and arguments: 'build/bin/moeperf run quick'")->required();
  command->add_option("--new", options->ab.fresh, "The same of what is to be judged")->required();
  command->add_option("--launcher", options->ab.launcher,
                      "What starts a program's ranks: 'mpirun -n 8', 'srun' [none]");
  command->add_option("--pairs", options->ab.pairs, "Launches of each [10]")->check(whole_number(1));
  command->add_option("--seed", options->ab.seed, "Of the order within the pairs [1]")->check(whole_number(0));
  command->add_option("-o,--output", options->ab.output,
                      "Reports OUTPUT-base.h5 and OUTPUT-new.h5, and OUTPUT.log [ab]");
  options->output.add_options(*command);
  command->callback([options, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [options](Communicator& comm) {
      int status = exit_ok;
      on_root(comm, [&] {
        launch_in_turns(options->ab);
        const Report base = read_report(options->ab.output + "-base.h5");
        const Report fresh = read_report(options->ab.output + "-new.h5");
        status = options->output.say(std::cout, compare_reports(base, fresh, Design::pairs));
      });
      return std::stoi(comm.broadcast(std::to_string(status)));
    };
  });
}

}  // namespace moeperf
