#include "benchmarks/cli/commands.hpp"
#include "harness/agreement.hpp"
#include "results/byte_definitions.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "results/table_text.hpp"
#include "results/verdict.hpp"

#include <iostream>
#include <memory>

namespace moeperf {

void add_show_command(CLI::App& app, Command& selected) {
  struct Options {
    std::string file, bytes_as;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "show",
      "Prints a report's summary from the file alone. Exit status: 0 where the report is VALID, 1 where it is INVALID "
      "or its run did not end");
  command->add_option("file", options->file, "Report (.h5, or the .h5.part of a run that goes on or was cut short)")
      ->required();
  std::string names;
  for (const ByteDefinition& definition : byte_definitions()) names += (names.empty() ? "" : " | ") + definition.name;
  command->add_option(
      "--bytes-as", options->bytes_as,
      "Only the rates of dispatch and combine, by somebody's definition of bytes: " + names + " [none]");
  command->callback([options, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [options](Communicator& comm) {
      std::string status;
      on_root(comm, [&] {
        const Report report = read_report(options->file);
        if (options->bytes_as.empty()) {
          show_report(std::cout, report);
        } else {
          std::cout << table_text(bytes_table(report, byte_definition(options->bytes_as)));
        }
        status = report.status;
      });
      return static_cast<int>(is_valid(comm.broadcast(status)) ? exit_ok : exit_invalid);
    };
  });
}

}  // namespace moeperf
