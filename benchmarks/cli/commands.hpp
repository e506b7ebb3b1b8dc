#pragma once

#include "comm/mpi/communicator.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <utility>

namespace moeperf {

/// Whether a subcommand starts MPI. Login nodes often cannot, and a failing MPI_Init ends the process.
enum class MpiUse : std::uint8_t {
  none,          ///< rank 0 alone works
  if_it_starts,  ///< says what it could not ask without
  needed,
};

/// What a subcommand does once the command line is read.
struct Command {
  MpiUse mpi = MpiUse::needed;
  /// Collective; returns the exit status. Where MPI was not started the communicator has none (has_mpi()).
  std::function<int(Communicator&)> run;
};

// Each adds its subcommand; when that is the one given, `selected` is set.
void add_list_command(CLI::App& app, Command& selected);
void add_run_command(CLI::App& app, Command& selected);
void add_tune_command(CLI::App& app, Command& selected);
void add_show_command(CLI::App& app, Command& selected);
void add_compare_command(CLI::App& app, Command& selected);
void add_ab_command(CLI::App& app, Command& selected);
void add_validate_command(CLI::App& app, Command& selected);
void add_route_command(CLI::App& app, Command& selected);

}  // namespace moeperf
