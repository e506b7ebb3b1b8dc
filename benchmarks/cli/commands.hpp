#pragma once

#include "comm/mpi/communicator.hpp"

#include <CLI/CLI.hpp>

#include <functional>

namespace moeperf {

/// What a subcommand does once the command line is read, on every rank; returns the exit status.
using Command = std::function<int(Communicator&)>;

// Each adds its subcommand; when that is the one given, `selected` is set.
void add_list_command(CLI::App& app, Command& selected);
void add_run_command(CLI::App& app, Command& selected);
void add_tune_command(CLI::App& app, Command& selected);
void add_show_command(CLI::App& app, Command& selected);
void add_compare_command(CLI::App& app, Command& selected);
void add_route_command(CLI::App& app, Command& selected);

}  // namespace moeperf
