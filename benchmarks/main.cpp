#include "benchmarks/cli/commands.hpp"
#include "benchmarks/cli/standard_output.hpp"
#include "comm/mpi/launcher.hpp"
#include "harness/environment.hpp"
#include "harness/machine.hpp"
#include "kernels/base/error.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>

namespace {

using moeperf::Command;
using moeperf::Communicator;
using moeperf::MpiEnvironment;
using moeperf::MpiUse;

/// Reads the command line, the same on every rank; returns an exit status where that is all there is to do. Rank 0
/// alone prints help and errors, and its status is that of the whole: a launcher kills the ranks that are left when
/// one ends with another status than 0, rank 0 with its message perhaps among them.
std::optional<int> parse(int argc, char** argv, bool is_root, Command& selected) {
  CLI::App app("moeperf: benchmark suite for Mixture-of-Experts layers over MPI", "moeperf");
  app.set_version_flag("--version", "moeperf " + moeperf::version_text());
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  moeperf::add_run_command(app, selected);
  moeperf::add_tune_command(app, selected);
  moeperf::add_list_command(app, selected);
  moeperf::add_show_command(app, selected);
  moeperf::add_compare_command(app, selected);
  moeperf::add_ab_command(app, selected);
  moeperf::add_validate_command(app, selected);
  moeperf::add_route_command(app, selected);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (!is_root) return moeperf::exit_ok;
    return app.exit(error) == 0 ? moeperf::exit_ok : moeperf::exit_usage;
  }
  return std::nullopt;
}

int run(const Command& command, Communicator& comm) {
  try {
    return command.run(comm);
  } catch (const moeperf::UserError& error) {
    // Thrown by all ranks together (see harness/agreement.hpp), so all of them end here.
    if (comm.is_root()) fmt::print(stderr, "moeperf: error: {}\n", error.what());
    return moeperf::exit_usage;
  } catch (const std::exception& error) {
    fmt::print(stderr, "moeperf: rank {} on {}: {}\n", comm.rank(), moeperf::host_name(), error.what());
    std::cout.flush();
    // Other ranks may be waiting for this one: nothing but an abort ends them.
    if (comm.size() > 1) MPI_Abort(MPI_COMM_WORLD, moeperf::exit_failure);
    return moeperf::exit_failure;
  }
}

/// `launched`: a launcher started this process, perhaps with others: MPI is then asked as it is.
bool can_use_mpi(const Command& command, bool launched) {
  if (command.mpi == MpiUse::none) return false;
  if (command.mpi == MpiUse::needed || launched) return true;
  const auto obstacle = MpiEnvironment::obstacle();
  if (!obstacle) return true;
  fmt::print(stderr, "moeperf: without MPI, which does not start here ({}): what needs it is not asked\n", *obstacle);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto rank = moeperf::launched_rank([](const char* variable) { return std::getenv(variable); });
    const bool is_root = rank.value_or(0) == 0;
    Command command;
    if (const auto status = parse(argc, argv, is_root, command)) return moeperf::checked_output(*status);
    // A reader that leaves (run … | head) loses text, not the run; what only prints ends there, as others do.
    if (command.mpi == MpiUse::needed) std::signal(SIGPIPE, SIG_IGN);
    if (can_use_mpi(command, rank.has_value())) {
      int status = 0;
      {
        MpiEnvironment mpi(argc, argv);
        Communicator world(MPI_COMM_WORLD);
        status = run(command, world);
      }
      return moeperf::checked_output(status);
    }
    if (!is_root) return moeperf::exit_ok;
    Communicator alone = Communicator::without_mpi();
    return moeperf::checked_output(run(command, alone));
  } catch (const std::exception& error) {
    fmt::print(stderr, "moeperf: error: {}\n", error.what());
    return moeperf::exit_failure;
  }
}
