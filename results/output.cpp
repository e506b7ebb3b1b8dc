#include "results/output.hpp"

#include "kernels/base/error.hpp"
#include "results/disk.hpp"

#include <unistd.h>

#include <fmt/format.h>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

/// What is wrong with the place, or nothing.
std::string problem_of(const fs::path& path, std::int64_t bytes) {
  std::error_code ignored;
  const fs::path folder = folder_of(path);
  if (!fs::is_directory(folder, ignored)) return fmt::format("the folder '{}' does not exist", folder.string());
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return fmt::format("no permission to write in the folder '{}'", folder.string());
  }
  if (fs::is_directory(path, ignored)) return "is a folder";
  const auto available = fs::space(folder).available;
  if (bytes > 0 && available < static_cast<std::uintmax_t>(bytes)) {
    return fmt::format("may take up to {} MB while it is written; '{}' has {} MB free", bytes / 1'000'000 + 1,
                       folder.string(), available / 1'000'000);
  }
  return {};
}

/// What would be lost, or nothing.
std::string obstacle(const fs::path& path, const fs::path& part) {
  if (is_there(path)) return "exists; move it away, give another name, or --force to replace it";
  if (is_there(part)) {
    return fmt::format(
        "'{}' exists, left by a run that was killed; move it away to keep it, give another name, "
        "or --force to lose it",
        part.string());
  }
  return {};
}

}  // namespace

Output::Output(std::string what, fs::path path, bool force, std::int64_t bytes)
    : what_(std::move(what)), path_(std::move(path)), part_(path_.string() + ".part"), force_(force) {
  const auto refuse = [&](const std::string& why) {
    if (!why.empty()) throw UserError(fmt::format("{} '{}': {}", what_, path_.string(), why));
  };
  refuse(problem_of(path_, bytes));
  try {
    lock_.emplace(part_.string() + ".lock");
  } catch (const Error& error) {
    refuse(error.what());
  }
  if (!force_) refuse(obstacle(path_, part_));
}

void Output::publish() {
  sync_file(part_);
  if (force_) {
    std::error_code error;
    fs::rename(part_, path_, error);
    if (error) {
      throw Error(fmt::format("cannot rename '{}' to '{}': {}", part_.string(), path_.string(), error.message()));
    }
  } else if (!rename_if_absent(part_, path_)) {
    throw Error(fmt::format("'{}' appeared meanwhile and is left alone; '{}' is complete, move it where it should be",
                            path_.string(), part_.string()));
  }
  sync_folder_of(path_);
}

}  // namespace moeperf
