#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/comparison_output.hpp"
#include "harness/agreement.hpp"
#include "results/reader.hpp"

#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <vector>

namespace moeperf {

void add_compare_command(CLI::App& app, Command& selected) {
  struct Options {
    std::string base;
    std::vector<std::string> fresh;
    ComparisonOutput output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "compare",
      "Reports with a base, case by case: FASTER, SLOWER, SAME or CANNOT TELL, after the differences of their "
      "environments. What is compared are launches (run --append): one of each tells nothing. Exit status: 0 whatever "
      "the verdicts, unless --fail-on says otherwise; 1 where two have no measured part in common");
  command->add_option("base", options->base, "Report to compare with")->required();
  command->add_option("new", options->fresh, "Reports to judge")->required();
  options->output.add_options(*command);
  command->callback([options, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [options](Communicator& comm) {
      int status = exit_ok;
      on_root(comm, [&] {
        const Report base = read_report(options->base);
        for (const std::string& file : options->fresh) {
          if (options->fresh.size() > 1 && !options->output.json)
            std::cout << fmt::format("# {} | {}\n", options->base, file);
          status = std::max(status, options->output.say(std::cout, compare_reports(base, read_report(file))));
        }
      });
      return std::stoi(comm.broadcast(std::to_string(status)));
    };
  });
}

}  // namespace moeperf
