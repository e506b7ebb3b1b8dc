#include "results/claimed_file.hpp"

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

/// What stands there that is no regular file, or nothing. Renaming over it would replace a device or a link itself.
std::string oddity(const fs::path& path) {
  std::error_code failure;
  switch (fs::symlink_status(path, failure).type()) {
    case fs::file_type::not_found:
    case fs::file_type::regular:
      return {};
    case fs::file_type::directory:
      return "is a folder";
    case fs::file_type::symlink:
      return "is a symbolic link";
    case fs::file_type::block:
    case fs::file_type::character:
      return "is a device";
    case fs::file_type::fifo:
      return "is a FIFO";
    case fs::file_type::socket:
      return "is a socket";
    default:
      return failure ? "cannot be looked at: " + failure.message() : "is no regular file";
  }
}

/// What is wrong with the place, or nothing.
std::string why_not_writable(const fs::path& path, const fs::path& part, std::int64_t bytes) {
  const std::string accepted = "; accepted: the name of a new or a regular file";
  if (!path.has_filename()) return "names no file" + accepted;
  if (const std::string odd = oddity(path); !odd.empty()) return odd + accepted;
  if (const std::string odd = oddity(part); !odd.empty()) {
    return fmt::format("'{}', under which it grows, {}; move it away or give another name", part.string(), odd);
  }
  std::error_code ignored;
  const fs::path folder = folder_of(path);
  if (!fs::is_directory(folder, ignored)) return fmt::format("the folder '{}' does not exist", folder.string());
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return fmt::format("no permission to write in the folder '{}'", folder.string());
  }
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

ClaimedFile::ClaimedFile(std::string what, fs::path path, bool force, std::int64_t bytes)
    : what_(std::move(what)), path_(std::move(path)), part_(path_.string() + ".part"), force_(force) {
  const auto message = [&](const std::string& reason) {
    return fmt::format("{} '{}': {}", what_, path_.string(), reason);
  };
  if (const std::string reason = why_not_writable(path_, part_, bytes); !reason.empty())
    throw UserError(message(reason));
  try {
    lock_.emplace(part_.string() + ".lock");
  } catch (const LockHeld& error) {
    throw NameTaken(message(error.what()));
  } catch (const Error& error) {
    throw UserError(message(error.what()));
  }
  if (force_) return;
  if (const std::string other = obstacle(path_, part_); !other.empty()) throw NameTaken(message(other));
}

void ClaimedFile::publish() {
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
