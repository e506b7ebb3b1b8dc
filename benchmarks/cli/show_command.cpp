#include "benchmarks/cli/commands.hpp"
#include "harness/agreement.hpp"
#include "results/compare.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "results/verdict.hpp"

#include <iostream>
#include <memory>

namespace moeperf {

void add_show_command(CLI::App& app, Command& selected) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "show",
      "Prints a report's summary from the file alone. Exit status: 0 where the report is VALID, 1 where it is INVALID "
      "or its run did not end");
  command->add_option("file", *file, "Report (.h5, or the .h5.part of a run that goes on or was cut short)")
      ->required();
  command->callback([file, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [file](Communicator& comm) {
      std::string status;
      on_root(comm, [&] {
        const Report report = read_report(*file);
        show_report(std::cout, report);
        status = report.status;
      });
      return static_cast<int>(is_valid(comm.broadcast(status)) ? exit_ok : exit_invalid);
    };
  });
}

void add_compare_command(CLI::App& app, Command& selected) {
  struct Options {
    std::string base, fresh;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "compare",
      "Two reports case by case: FASTER, SLOWER, SAME or CANNOT TELL, after the differences of their environments. "
      "Exit status: 0 whatever the verdicts, 1 where the two have no measured phase in common");
  command->add_option("base", options->base, "Report to compare with")->required();
  command->add_option("new", options->fresh, "Report to judge")->required();
  command->callback([options, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [options](Communicator& comm) {
      std::string in_common;
      on_root(comm, [&] {
        const Comparison comparison = compare_reports(read_report(options->base), read_report(options->fresh));
        show_comparison(std::cout, comparison);
        if (num_compared(comparison) > 0) in_common = "some";
      });
      return static_cast<int>(comm.broadcast(in_common).empty() ? exit_invalid : exit_ok);
    };
  });
}

}  // namespace moeperf
