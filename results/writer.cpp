#include "results/writer.hpp"

#include "kernels/base/error.hpp"
#include "results/growing_file.hpp"
#include "results/write_groups.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <set>
#include <utility>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

fs::path part_of(const fs::path& path) { return path.string() + ".part"; }

void check_absent(const fs::path& path, const fs::path& part) {
  if (fs::exists(fs::symlink_status(path))) {
    throw UserError(fmt::format("report '{}' exists; move it away, name another, or give --force", path.string()));
  }
  if (fs::exists(fs::symlink_status(part))) {
    throw UserError(
        fmt::format("'{}' exists: the report of a run that was killed or still goes on. `moeperf show` reads it; "
                    "move it away to keep it, name another report, or give --force to lose it",
                    part.string()));
  }
}

void check_folder(const fs::path& path, std::int64_t expected_bytes) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw UserError(fmt::format("report '{}': there is no folder '{}'", path.string(), folder.string()));
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    throw UserError(fmt::format("report '{}': no permission to write in '{}'", path.string(), folder.string()));
  }
  if (fs::is_directory(path)) throw UserError(fmt::format("report '{}' is a folder", path.string()));
  // Two copies grow side by side (GrowingFile).
  const std::int64_t needed = 2 * expected_bytes;
  const auto available = fs::space(folder).available;
  if (needed > 0 && available < static_cast<std::uintmax_t>(needed)) {
    throw UserError(fmt::format("report '{}' may take up to {} MB while it is written; '{}' has {} MB free",
                                path.string(), needed / 1'000'000 + 1, folder.string(), available / 1'000'000));
  }
}

}  // namespace

struct ReportWriter::State {
  fs::path path;
  bool force = false;
  std::unique_ptr<GrowingFile> file;
  std::set<std::string> case_ids, balancing_ids;
};

ReportWriter::ReportWriter(fs::path path, bool force, const ReportHeader& header, std::int64_t expected_bytes)
    : state_(std::make_unique<State>()) {
  state_->path = std::move(path);
  state_->force = force;
  try {
    check_folder(state_->path, expected_bytes);
    if (!force) check_absent(state_->path, part_of(state_->path));
    state_->file = std::make_unique<GrowingFile>(part_of(state_->path), bytes_of(header),
                                                 [&](hid_t file) { write_header(file, header); });
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    throw UserError(fmt::format("report '{}' cannot be written: {}", state_->path.string(), error.what()));
  }
}

ReportWriter::~ReportWriter() = default;

void ReportWriter::add_case(const CaseResult& result) {
  check_writable(result);
  if (state_->case_ids.count(result.id) != 0) throw Error("report: case '" + result.id + "' is there already");
  const auto order = static_cast<std::int64_t>(state_->case_ids.size());
  state_->file->add(bytes_of(result), [result, order](hid_t file) { write_case(file, result, order); });
  state_->case_ids.insert(result.id);
}

void ReportWriter::add_balancing(const BalancingTrajectory& trajectory) {
  check_writable(trajectory);
  if (state_->balancing_ids.count(trajectory.id) != 0) {
    throw Error("report: balancing '" + trajectory.id + "' is there already");
  }
  const auto order = static_cast<std::int64_t>(state_->balancing_ids.size());
  state_->file->add(bytes_of(trajectory),
                    [trajectory, order](hid_t file) { write_balancing(file, trajectory, order); });
  state_->balancing_ids.insert(trajectory.id);
}

void ReportWriter::finish(const std::string& end_time, const std::string& status) {
  state_->file->add(static_cast<std::int64_t>(2 * hdf5::max_text_attribute), [end_time, status](hid_t file) {
    hdf5::write_attribute(file, "end_time", end_time);
    hdf5::write_attribute(file, "status", status);
  });
  state_->file->move_to(state_->path, state_->force);
}

}  // namespace moeperf
