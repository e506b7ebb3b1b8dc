#include "benchmarks/cli/commands.hpp"
#include "harness/agreement.hpp"
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

}  // namespace moeperf
