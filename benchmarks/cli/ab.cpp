#include "benchmarks/cli/ab.hpp"

#include "kernels/base/error.hpp"
#include "results/reader.hpp"

#include <sys/wait.h>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <random>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

/// As one word.
std::string for_shell(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// One of the two, with its report so far.
struct Side {
  std::string name, command, path;
  std::size_t launches = 0;
};

/// The launch adds itself to its side's report, after the checks that `run --append` makes.
void launch(const AbOptions& options, Side& side) {
  const std::string log = options.output + ".log";
  const std::string command = fmt::format("{} {} --append {} >>{} 2>&1 </dev/null", options.launcher, side.command,
                                          for_shell(side.path), for_shell(log));
  const int status = std::system(command.c_str());
  const auto failed = [&](const std::string& how) {
    throw Error(fmt::format("launch {} of {} {}; see {}: {} {}", side.launches + 1, side.name, how, log,
                            options.launcher, side.command));
  };
  if (status == -1 || !WIFEXITED(status)) failed("was ended");
  if (WEXITSTATUS(status) != exit_ok) failed(fmt::format("has status {}", WEXITSTATUS(status)));
  if (!fs::exists(side.path)) failed("wrote no report");
  if (read_report(side.path).launches.size() != side.launches + 1) failed("added nothing to its report");
  ++side.launches;
}

}  // namespace

void launch_in_turns(const AbOptions& options) {
  Side base{"base", options.base, options.output + "-base.h5"}, fresh{"new", options.fresh, options.output + "-new.h5"};
  for (const Side* side : {&base, &fresh}) {
    if (fs::exists(side->path))
      throw UserError(fmt::format("'{}' exists; move it away or give another --output", side->path));
  }
  std::mt19937_64 random(options.seed);
  for (std::int64_t pair = 0; pair < options.pairs; ++pair) {
    const bool base_first = random() % 2 == 0;
    for (Side* side : {base_first ? &base : &fresh, base_first ? &fresh : &base}) {
      fmt::print(stderr, "moeperf: pair {} of {}: {}\n", pair + 1, options.pairs, side->name);
      launch(options, *side);
    }
  }
}

}  // namespace moeperf
