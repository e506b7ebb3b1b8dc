#include "benchmarks/cli/commands.hpp"
#include "harness/agreement.hpp"
#include "results/compare.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"

#include <iostream>
#include <memory>

namespace moeperf {

void add_show_command(CLI::App& app, Command& selected) {
  auto file = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("show", "Prints a report's summary from the file alone");
  command->add_option("file", *file, "Report (.h5, or the .h5.part of a killed run)")->required();
  command->callback([file, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [file](Communicator& comm) {
      on_root(comm, [&] { show_report(std::cout, read_report(*file)); });
      return static_cast<int>(exit_ok);
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
      "Two reports case by case: FASTER, SLOWER, SAME or CANNOT TELL, after the differences of their environments");
  command->add_option("base", options->base, "Report to compare with")->required();
  command->add_option("new", options->fresh, "Report to judge")->required();
  command->callback([options, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [options](Communicator& comm) {
      on_root(comm, [&] {
        show_comparison(std::cout, compare_reports(read_report(options->base), read_report(options->fresh)));
      });
      return static_cast<int>(exit_ok);
    };
  });
}

}  // namespace moeperf
