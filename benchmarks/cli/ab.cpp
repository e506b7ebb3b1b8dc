#include "benchmarks/cli/ab.hpp"

#include "kernels/base/error.hpp"
#include "results/pooled_report.hpp"
#include "results/reader.hpp"
#include "results/verdict.hpp"
#include "results/writer.hpp"

#include <sys/wait.h>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <random>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

/// For a shell.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// One of the two, with its report so far.
struct Side {
  std::string name, command, path;
  std::int64_t launches = 0;
};

void launch(const AbOptions& options, Side& side) {
  const std::string file = side.path + ".launch", log = options.output + ".log";
  fs::remove(file);
  const std::string command = fmt::format("{} {} -o {} --force >>{} 2>&1 </dev/null", options.launcher, side.command,
                                          quoted(file), quoted(log));
  const int status = std::system(command.c_str());
  const auto failed = [&](const std::string& how) {
    throw Error(fmt::format("launch {} of {} {}; see {}: {} {}", side.launches + 1, side.name, how, log,
                            options.launcher, side.command));
  };
  if (status == -1 || !WIFEXITED(status)) failed("was ended");
  if (WEXITSTATUS(status) != exit_ok) failed(fmt::format("has status {}", WEXITSTATUS(status)));
  if (!fs::exists(file)) failed("wrote no report");
  const Report report = read_report(file);
  if (!is_valid(report.status)) failed("is " + report.status);
  if (++side.launches == 1) {
    fs::rename(file, side.path);
    return;
  }
  Report all = read_report(side.path);
  if (const std::string reason = why_another(all, report.header()); !reason.empty()) failed("is another: " + reason);
  add_launch(all, report);
  write_whole(all, side.path, true);
  fs::remove(file);
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
