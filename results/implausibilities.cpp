#include "results/schema.hpp"
#include "results/statistics.hpp"
#include "results/validate.hpp"
#include "results/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace moeperf {
namespace {

using Found = std::vector<std::string>;

/// A rank's clock may tell this much less between two samples than they took: what a reading costs, and rounding.
constexpr double clock_slack_s = 1e-6;

void check_launches(const Report& report, Found& found) {
  for (std::size_t i = 0; i < report.launches.size(); ++i) {
    const Launch& launch = report.launches[i];
    const std::string place = fmt::format("/launches/{}", i);
    const bool was_killed = i + 1 < report.launches.size() && !launch.ended_early.empty();
    if (launch.end_time.empty() && !was_killed) found.push_back(place + "@end_time: the launch did not end");
    if (!launch.end_time.empty() && launch.end_time < launch.header.start_time)
      found.push_back(place + "@end_time is before its start");
    const ReportHeader &header = launch.header, &first = report.header();
    if (header.config != first.config || header.seed != first.seed || header.num_ranks != first.num_ranks ||
        header.num_nodes != first.num_nodes || header.num_cases_planned != first.num_cases_planned)
      found.push_back(place + " is a launch of something else than the first");
    const auto rows = [](const Table& table) { return table.empty() ? std::size_t{0} : table.front().second.size(); };
    if (rows(header.environment.ranks) != static_cast<std::size_t>(header.num_ranks))
      found.push_back(place + "/environment/ranks has not a row for each rank");
    if (rows(header.environment.nodes) != static_cast<std::size_t>(header.num_nodes))
      found.push_back(place + "/environment/nodes has not a row for each node");
  }
}

/// Each part of a case begins after the sample before it, on every rank's clock.
void check_order_of_samples(const CaseResult& result, const std::string& place, Found& found) {
  for (const Measurement& m : result.measurements) {
    const Samples& samples = m.samples;
    if (samples.starts_s.empty()) continue;
    const auto ranks = static_cast<std::size_t>(samples.num_ranks);
    std::size_t sample = 0;
    for (const std::int64_t size : samples.launch_sizes) {
      for (std::int64_t i = 0; i < size; ++i, ++sample) {
        for (std::size_t rank = 0; i > 0 && rank < ranks; ++rank) {
          const std::size_t at = sample * ranks + rank, before = at - ranks;
          if (samples.starts_s[at] + clock_slack_s >= samples.starts_s[before] + samples.values[before]) continue;
          // One of some ranks that look on has the time of the slowest, which may end after its next start.
          if (result.on("benchmark") == "link") continue;
          found.push_back(fmt::format("{}/samples/{}: sample {} of rank {} began before the one before it ended", place,
                                      m.part, sample, rank));
          return;
        }
      }
    }
  }
}

void check_rates(const CaseResult& result, const std::string& place, Found& found) {
  for (const Measurement& m : result.measurements) {
    const WorkModel& work = m.work;
    if (work.useful_bytes > work.logical_bytes || (work.flop_executed > 0 && work.flop_useful > work.flop_executed))
      found.push_back(fmt::format("{}/work/{}: more useful work than was done", place, m.part));
    for (const auto& [name, field] : schema::work_fields) {
      if (work.*field < 0) found.push_back(fmt::format("{}/work/{}@{} is negative", place, m.part, name));
    }
    const auto ceiling = result.metrics.find(m.part + "_ceiling_flop_per_s");
    if (ceiling == result.metrics.end() || !has_valid(m.samples)) continue;
    const double median_s = summarize(m.samples).median_s;
    if (work.flop_useful > ceiling->second * median_s && result.verification.passed)
      found.push_back(fmt::format("{}/samples/{}: faster than its ceiling", place, m.part));
  }
}

void check_verification(const CaseResult& result, const std::string& place, Found& found) {
  const Verification& v = result.verification;
  const bool is_skipped = !result.skip_reason.empty();
  if (is_skipped && (!result.measurements.empty() || v.performed))
    found.push_back(place + " is skipped, and has samples or a verification");
  if (is_skipped) return;
  if (v.passed && (!v.performed || v.checked <= 0 || v.wrong != 0 || !v.failed.empty()))
    found.push_back(place + "/verification contradicts itself: passed, and what did not pass");
  if (v.performed && !v.passed && v.failed.empty())
    found.push_back(place + "/verification does not say what did not pass");
  if (result.measurements.empty()) found.push_back(place + " is neither skipped nor measured");
}

void check_balancing(const BalancingTrajectory& t, Found& found) {
  const std::string place = "/balancing/" + t.id;
  for (std::int64_t step = 0; step < t.num_steps; ++step) {
    const auto first = t.load.begin() + static_cast<std::ptrdiff_t>(step * t.num_experts);
    const auto end = first + static_cast<std::ptrdiff_t>(t.num_experts);
    const auto at = static_cast<std::size_t>(step);
    const std::int64_t sum = std::accumulate(first, end, std::int64_t{0});
    if (std::any_of(first, end, [](std::int64_t load) { return load < 0; }) || sum != t.routed[at])
      found.push_back(
          fmt::format("{}/load: step {} does not add up to the {} copies routed", place, step, t.routed[at]));
    if (t.dropped[at] < 0 || t.dropped[at] > t.routed[at])
      found.push_back(fmt::format("{}/dropped: step {} has not between none and all", place, step));
    if (sum <= 0) continue;
    const double mean = static_cast<double>(sum) / static_cast<double>(t.num_experts);
    const double maxvio = (static_cast<double>(*std::max_element(first, end)) - mean) / mean;
    if (std::abs(maxvio - t.maxvio[at]) > 1e-9 * (1 + maxvio))
      found.push_back(fmt::format("{}/maxvio: step {} is not the one of its load", place, step));
  }
}

}  // namespace

std::vector<std::string> implausibilities(const Report& report) {
  Found found;
  const std::string status = verdict(report);
  if (report.status != status)
    found.push_back(fmt::format("/@status is '{}'; what follows is '{}'", report.status, status));
  check_launches(report, found);
  std::set<std::string> keys;
  for (const CaseResult& result : report.cases) {
    const std::string place = "/cases/" + result.id;
    std::string key;
    for (const auto& [axis, value] : result.coordinates) key += value + '\n';
    if (!keys.insert(key).second) found.push_back(place + "/coordinates: another case has the same");
    check_verification(result, place, found);
    check_order_of_samples(result, place, found);
    check_rates(result, place, found);
  }
  for (const BalancingTrajectory& trajectory : report.balancing) check_balancing(trajectory, found);
  return found;
}

}  // namespace moeperf
