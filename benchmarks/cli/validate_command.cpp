#include "benchmarks/cli/commands.hpp"
#include "harness/agreement.hpp"
#include "kernels/base/error.hpp"
#include "results/reader.hpp"
#include "results/scrub.hpp"
#include "results/text.hpp"
#include "results/validate.hpp"
#include "results/writer.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

namespace moeperf {
namespace {

/// A name in the folder for temporary files, gone with it.
class ScratchFile {
 public:
  ScratchFile() : path_(std::filesystem::temp_directory_path() / fmt::format("moeperf-validate-{}.h5", ::getpid())) {}
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Whether nothing is wrong with it; says so, or what is.
bool is_sound(const std::string& file) {
  const ScratchFile scratch;
  const std::vector<std::string> found = validate(file, scratch.path());
  for (const std::string& one : found) std::cout << fmt::format("{}: {}\n", file, one_line(one));
  if (found.empty()) std::cout << fmt::format("{}: sound; its run is {}\n", file, one_line(read_report(file).status));
  return found.empty();
}

}  // namespace

void add_validate_command(CLI::App& app, Command& selected) {
  struct Options {
    std::vector<std::string> files;
    std::string scrub;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "validate",
      "Whether reports are what a run wrote, from the files alone: digests, every figure computed anew, what cannot "
      "be. "
      "Exit status 1 where one is not; whether its run is VALID is another question, which `show` answers");
  command->add_option("file", options->files, "Reports")->required();
  command->add_option(
      "--scrub", options->scrub,
      "Write the report, if it is sound, for publishing: without names of hosts, users and jobs, without "
      "folders and addresses; its samples and figures stay [none]");
  command->callback([options, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [options](Communicator& comm) {
      if (!options->scrub.empty() && options->files.size() > 1)
        throw UserError(
            fmt::format("--scrub {}: takes one report, {} are given", options->scrub, options->files.size()));
      bool sound = true;
      on_root(comm, [&] {
        for (const std::string& file : options->files) sound = is_sound(file) && sound;
        if (!sound || options->scrub.empty()) return;
        write_whole(scrubbed(read_report(options->files.front())), options->scrub, false);
        std::cout << fmt::format("{}: written\n", options->scrub);
      });
      return std::stoi(comm.broadcast(std::to_string(sound ? exit_ok : exit_invalid)));
    };
  });
}

}  // namespace moeperf
