#include "benchmarks/cli/commands.hpp"
#include "harness/environment.hpp"
#include "harness/machine.hpp"
#include "kernels/base/error.hpp"

#include <fmt/format.h>

#include <iostream>
#include <sstream>

namespace {

using moeperf::Command;
using moeperf::Communicator;

/// Reads the command line, the same on every rank; rank 0 alone prints help and errors.
int parse(int argc, char** argv, bool is_root, Command& selected) {
  CLI::App app("moeperf: benchmark suite for Mixture-of-Experts layers over MPI", "moeperf");
  app.set_version_flag("--version", "moeperf " + moeperf::version_text());
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  moeperf::add_run_command(app, selected);
  moeperf::add_tune_command(app, selected);
  moeperf::add_list_command(app, selected);
  moeperf::add_show_command(app, selected);
  moeperf::add_compare_command(app, selected);
  moeperf::add_route_command(app, selected);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream nowhere;
    const int status = is_root ? app.exit(error) : app.exit(error, nowhere, nowhere);
    return status == 0 ? moeperf::exit_ok : moeperf::exit_usage;
  }
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    moeperf::MpiEnvironment mpi(argc, argv);
    Communicator world(MPI_COMM_WORLD);
    Command command;
    const int status = parse(argc, argv, world.is_root(), command);
    if (status >= 0) return status;
    try {
      return command(world);
    } catch (const moeperf::UserError& error) {
      // Thrown by all ranks together (see harness/agreement.hpp), so all of them end here.
      if (world.is_root()) fmt::print(stderr, "moeperf: error: {}\n", error.what());
      return moeperf::exit_usage;
    } catch (const std::exception& error) {
      fmt::print(stderr, "moeperf: rank {} on {}: {}\n", world.rank(), moeperf::host_name(), error.what());
      std::cout.flush();
      // Other ranks may be waiting for this one: nothing but an abort ends them.
      if (world.size() > 1) MPI_Abort(MPI_COMM_WORLD, moeperf::exit_failure);
      return moeperf::exit_failure;
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "moeperf: error: {}\n", error.what());
    return moeperf::exit_failure;
  }
}
