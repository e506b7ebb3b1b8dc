#include "benchmarks/cli/commands.hpp"
#include "harness/agreement.hpp"
#include "kernels/base/counted.hpp"
#include "results/reader.hpp"
#include "results/text.hpp"
#include "results/validate.hpp"

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
  auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand(
      "validate",
      "Whether reports are what a run wrote, from the files alone: digests, every figure computed anew, what cannot "
      "be. "
      "Exit status 1 where one is not; whether its run is VALID is another question, which `show` answers");
  command->add_option("file", *files, "Reports")->required();
  command->callback([files, &selected] {
    selected.mpi = MpiUse::none;
    selected.run = [files](Communicator& comm) {
      bool sound = true;
      on_root(comm, [&] {
        for (const std::string& file : *files) sound = is_sound(file) && sound;
      });
      return std::stoi(comm.broadcast(std::to_string(sound ? exit_ok : exit_invalid)));
    };
  });
}

}  // namespace moeperf
