#include "results/writer.hpp"

#include "kernels/base/error.hpp"
#include "results/claimed_file.hpp"
#include "results/growing_file.hpp"
#include "results/write_groups.hpp"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

namespace moeperf {

struct ReportWriter::State {
  ClaimedFile output;
  std::optional<GrowingFile> file;
  std::set<std::string> case_ids, balancing_ids;
  std::int64_t launch = 0;  ///< the present one

  void end(const std::string& end_time, const std::string& ended_early, const std::string& status);
};

// Two copies grow side by side (GrowingFile).
ReportWriter::ReportWriter(std::filesystem::path path, bool force, const ReportHeader& header,
                           std::int64_t expected_bytes)
    : state_(new State{{"report", path, force, 2 * expected_bytes}, {}, {}, {}}) {
  try {
    state_->file.emplace(state_->output.part(), bytes_of(header), [&](hid_t file) { write_beginning(file, header); });
  } catch (const std::exception& error) {
    throw UserError(fmt::format("report '{}' cannot be written: {}", path.string(), error.what()));
  }
}

ReportWriter::~ReportWriter() = default;

void ReportWriter::next_launch(const std::string& end_time, const std::string& ended_early,
                               const ReportHeader& header) {
  const std::int64_t next = state_->launch + 1;
  state_->file->add(bytes_of(header) + static_cast<std::int64_t>(3 * hdf5::max_text_attribute), [=](hid_t file) {
    write_end(file, next - 1, end_time, ended_early, "running");
    write_launch(file, header, next);
  });
  state_->launch = next;
}

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

void ReportWriter::State::end(const std::string& end_time, const std::string& ended_early, const std::string& status) {
  file->add(static_cast<std::int64_t>(3 * hdf5::max_text_attribute),
            [=, of = launch](hid_t root) { write_end(root, of, end_time, ended_early, status); });
  file.reset();
}

void ReportWriter::finish(const std::string& end_time, const std::string& status, const std::string& ended_early) {
  state_->end(end_time, ended_early, status);
  state_->output.publish();
}

void ReportWriter::give_up(const std::string& end_time, const std::string& ended_early, const std::string& status) {
  state_->end(end_time, ended_early, status);
  state_.reset();
}

void write_whole(const Report& report, const std::filesystem::path& path, bool force) {
  std::int64_t bytes = 0;
  for (const Launch& launch : report.launches) bytes += bytes_of(launch.header);
  for (const CaseResult& result : report.cases) bytes += bytes_of(result);
  for (const BalancingTrajectory& trajectory : report.balancing) bytes += bytes_of(trajectory);
  ReportWriter writer(path, force, report.header(), bytes);
  for (std::size_t i = 1; i < report.launches.size(); ++i) {
    const Launch& before = report.launches[i - 1];
    writer.next_launch(before.end_time, before.ended_early, report.launches[i].header);
  }
  for (const CaseResult& result : report.cases) writer.add_case(result);
  for (const BalancingTrajectory& trajectory : report.balancing) writer.add_balancing(trajectory);
  const Launch& last = report.launches.back();
  writer.finish(last.end_time, report.status, last.ended_early);
}

}  // namespace moeperf
