#include "results/write_groups.hpp"

#include "results/digest.hpp"
#include "results/schema.hpp"

#include <fmt/format.h>

#include <set>

namespace moeperf {
namespace {

/// Longest value of an environment variable or a fact that is kept whole.
constexpr std::size_t max_fact = 16384;

void write_table(hid_t parent, const std::string& name, const Table& table) {
  const auto group = hdf5::create_group(parent, name);
  std::int64_t order = 0;
  for (const auto& [column, values] : table) {
    hdf5::write_texts(group, column, values);
    hdf5::write_attribute(hdf5::open_object(group, column), "order", order++);
  }
}

void write_map(hid_t parent, const std::string& name, const std::map<std::string, std::string>& map) {
  const auto group = hdf5::create_group(parent, name);
  std::vector<std::string> names, values;
  for (const auto& [key, value] : map) {
    names.push_back(key);
    values.push_back(hdf5::cut_to(value, max_fact));
  }
  hdf5::write_texts(group, "name", names);
  hdf5::write_texts(group, "value", values);
}

void write_flag(hid_t object, const std::string& name, bool value) {
  hdf5::write_attribute(object, name, static_cast<std::int64_t>(value));
}

/// [sample, rank], to which another launch can add.
void write_values(hid_t parent, const std::string& name, const Samples& samples, const std::vector<double>& values) {
  hdf5::write_dataset(parent, name, {samples.num_samples(), samples.num_ranks}, values, hdf5::Extent::growing);
}

hdf5::Handle write_samples(hid_t parent, const std::string& name, const Samples& samples, const std::string& unit,
                           std::int64_t order) {
  write_values(parent, name, samples, samples.values);
  auto dataset = hdf5::open_object(parent, name);
  hdf5::write_attribute(dataset, "order", order);
  hdf5::write_attribute(dataset, "unit", unit);
  return dataset;
}

void write_invalid(hid_t parent, const std::string& part, const std::vector<InvalidSample>& invalid) {
  const auto group = hdf5::create_group(parent, part);
  std::vector<std::int64_t> samples, ranks;
  std::vector<std::string> reasons;
  for (const InvalidSample& one : invalid) {
    samples.push_back(one.sample);
    ranks.push_back(one.rank);
    reasons.push_back(one.reason);
  }
  const auto count = static_cast<std::int64_t>(invalid.size());
  hdf5::write_dataset(group, "sample", {count}, samples);
  hdf5::write_dataset(group, "rank", {count}, ranks);
  hdf5::write_texts(group, "reason", reasons);
}

void write_times(hid_t of_case, const std::vector<Measurement>& measurements) {
  const auto samples = hdf5::create_group(of_case, "samples");
  const auto starts = hdf5::create_group(of_case, "starts");
  const auto invalid = hdf5::create_group(of_case, "invalid");
  std::int64_t order = 0;
  for (const Measurement& m : measurements) {
    const auto dataset = write_samples(samples, m.part, m.samples, "s", order++);
    hdf5::write_attribute(dataset, "role", name(m.role));
    if (!m.samples.starts_s.empty()) write_values(starts, m.part, m.samples, m.samples.starts_s);
    if (!m.samples.invalid.empty()) write_invalid(invalid, m.part, m.samples.invalid);
  }
}

void write_meters(hid_t parent, const std::vector<MeterSeries>& meters) {
  const auto group = hdf5::create_group(parent, "meters");
  std::int64_t order = 0;
  for (const MeterSeries& meter : meters) {
    const auto dataset = write_samples(group, meter.meter, meter.samples, meter.unit, order++);
    hdf5::write_attribute(dataset, "across_ranks", name(meter.across_ranks));
  }
}

void write_summary(hid_t parent, const Measurement& m) {
  const Summary summary = summarize(m.samples);
  const auto group = hdf5::create_group(parent, m.part);
  hdf5::write_attribute(group, "num_samples", summary.num_samples);
  hdf5::write_attribute(group, "num_invalid", summary.num_invalid);
  write_flag(group, "ci95_reached", summary.ci95_reached);
  for (const auto& [name, field] : schema::summary_fields) hdf5::write_attribute(group, name, summary.*field);
  if (summary.p95_s) hdf5::write_attribute(group, "p95_s", *summary.p95_s);
  if (summary.p99_s) hdf5::write_attribute(group, "p99_s", *summary.p99_s);
}

void write_work(hid_t parent, const Measurement& m) {
  const auto group = hdf5::create_group(parent, m.part);
  for (const auto& [name, field] : schema::work_fields) hdf5::write_attribute(group, name, m.work.*field);
  if (m.baselines.empty()) return;
  hdf5::write_texts(group, "baselines", m.baselines);
  hdf5::write_attribute(group, "baseline_work_ratio", m.baseline_work_ratio);
}

void write_verification(hid_t parent, const Verification& verification) {
  const auto group = hdf5::create_group(parent, "verification");
  write_flag(group, "performed", verification.performed);
  write_flag(group, "passed", verification.passed);
  hdf5::write_attribute(group, "wrong", verification.wrong);
  hdf5::write_attribute(group, "checked", verification.checked);
  hdf5::write_attribute(group, "max_error", verification.max_error);
  hdf5::write_attribute(group, "tolerance", verification.tolerance);
  hdf5::write_attribute(group, "scope", verification.scope);
  if (!verification.failed.empty()) hdf5::write_texts(group, "failed", verification.failed);
}

void check_name(const std::string& name, const std::string& where) {
  if (name.empty() || name == "." || name.find('/') != std::string::npos) {
    throw Error(fmt::format("report: '{}' cannot name {}", name, where));
  }
}

void check_length(std::size_t length, std::int64_t wanted, const std::string& what) {
  if (static_cast<std::int64_t>(length) != wanted) {
    throw Error(fmt::format("report: {} has {} values instead of {}", what, length, wanted));
  }
}

/// What groups, datasets and attributes take beside the numbers: HDF5 allocates index blocks of some KiB.
constexpr std::int64_t per_object = 8192;

std::int64_t bytes_of(const std::map<std::string, std::string>& map) {
  std::size_t longest_name = 1, longest_value = 1;
  for (const auto& [name, value] : map) {
    longest_name = std::max(longest_name, name.size());
    longest_value = std::max(longest_value, std::min(value.size(), max_fact));
  }
  return 2 * per_object + static_cast<std::int64_t>(map.size() * (longest_name + longest_value));
}

std::int64_t bytes_of(const Table& table) {
  std::int64_t bytes = per_object;
  for (const auto& [column, values] : table) {
    std::size_t longest = 1;
    for (const std::string& value : values) longest = std::max(longest, value.size());
    bytes += per_object + static_cast<std::int64_t>(longest * values.size());
  }
  return bytes;
}

/// Axes as a table with a row for each.
Table table_of(const ReportAxes& axes) {
  Table table;
  for (const auto& [name, field] : schema::axis_texts) {
    table.push_back({name, {}});
    for (const ReportAxis& axis : axes) table.back().second.push_back(axis.*field);
  }
  table.push_back({schema::heading_place, {}});
  for (const ReportAxis& axis : axes) table.back().second.push_back(std::to_string(axis.heading_place));
  return table;
}

/// One chunk more than the samples fill, and an index entry for each.
std::int64_t bytes_of(const Samples& samples) {
  const auto bytes = static_cast<std::int64_t>((samples.values.size() + samples.starts_s.size()) * sizeof(double));
  std::size_t longest_reason = 1;
  for (const InvalidSample& one : samples.invalid) longest_reason = std::max(longest_reason, one.reason.size());
  const auto invalid = static_cast<std::int64_t>(samples.invalid.size() * (2 * sizeof(std::int64_t) + longest_reason));
  return 2 * per_object + bytes + bytes / 64 + 16 * samples.num_ranks + (invalid > 0 ? 4 * per_object + invalid : 0);
}

void check_samples(const Samples& s, const std::vector<std::int64_t>& launch_sizes, const std::string& name,
                   std::set<std::string>& names, const std::string& where) {
  check_name(name, where);
  if (!names.insert(name).second) throw Error(fmt::format("report: '{}' is there twice as {}", name, where));
  const std::string what = fmt::format("'{}', {},", name, where);
  if (s.launch_sizes != launch_sizes) throw Error(fmt::format("report: {} has samples of its own number", what));
  check_length(s.values.size(), s.num_samples() * s.num_ranks, what);
  if (!s.starts_s.empty()) check_length(s.starts_s.size(), s.num_samples() * s.num_ranks, "starts of " + what);
  for (const InvalidSample& one : s.invalid) {
    if (one.sample < 0 || one.sample >= s.num_samples() || one.rank < 0 || one.rank >= s.num_ranks) {
      throw Error(fmt::format("report: {} has no sample {} of rank {}", what, one.sample, one.rank));
    }
  }
}

/// Samples of each launch, which all series of a case have in common.
std::vector<std::int64_t> launch_sizes_of(const CaseResult& result) {
  if (!result.measurements.empty()) return result.measurements.front().samples.launch_sizes;
  return result.meters.empty() ? std::vector<std::int64_t>{} : result.meters.front().samples.launch_sizes;
}

}  // namespace

void write_launch(hid_t file, const ReportHeader& header, std::int64_t order) {
  const auto launch = hdf5::create_group(hdf5::open_group(file, "launches"), std::to_string(order));
  hdf5::write_attribute(launch, "order", order);
  hdf5::write_attribute(launch, "moeperf_version", header.moeperf_version);
  hdf5::write_attribute(launch, "run_id", header.run_id);
  hdf5::write_attribute(launch, "command_line", header.command_line);
  hdf5::write_attribute(launch, "start_time", header.start_time);
  hdf5::write_attribute(launch, "end_time", std::string());
  hdf5::write_attribute(launch, "ended_early", std::string());
  hdf5::write_attribute(launch, "seed", header.seed);
  hdf5::write_attribute(launch, "num_ranks", header.num_ranks);
  hdf5::write_attribute(launch, "num_nodes", header.num_nodes);
  hdf5::write_attribute(launch, "num_cases_planned", header.num_cases_planned);
  hdf5::write_text(launch, "config", header.config);
  const auto environment = hdf5::create_group(launch, "environment");
  write_map(environment, "facts", header.environment.facts);
  write_map(environment, "variables", header.environment.variables);
  write_table(environment, "nodes", header.environment.nodes);
  write_table(environment, "ranks", header.environment.ranks);
}

void write_beginning(hid_t file, const ReportHeader& header) {
  hdf5::write_attribute(file, "schema_version", schema::version);
  hdf5::write_attribute(file, "status", std::string("running"));
  for (const char* group : {"launches", "cases", "balancing"}) hdf5::create_group(file, group);
  write_table(file, "axes", table_of(header.axes));
  write_digest(hdf5::open_group(file, "axes"));
  write_launch(file, header, 0);
}

void write_end(hid_t file, std::int64_t launch, const std::string& end_time, const std::string& ended_early,
               const std::string& status) {
  const auto group = hdf5::open_group(hdf5::open_group(file, "launches"), std::to_string(launch));
  hdf5::write_attribute(group, "end_time", end_time);
  hdf5::write_attribute(group, "ended_early", ended_early);
  write_digest(group);
  hdf5::write_attribute(file, "status", status);
}

void write_case(hid_t file, const CaseResult& result, std::int64_t order) {
  const auto group = hdf5::create_group(hdf5::open_group(file, "cases"), result.id);
  hdf5::write_attribute(group, "order", order);
  hdf5::write_attribute(group, "tokens_global", result.tokens_global);
  write_flag(group, "should_run", result.should_run);
  for (const auto& [name, field] : schema::case_texts) hdf5::write_attribute(group, name, result.*field);
  const auto coordinates = hdf5::create_group(group, "coordinates");
  for (const auto& [axis, value] : result.coordinates) hdf5::write_attribute(coordinates, axis, value);
  const std::vector<std::int64_t> launch_sizes = launch_sizes_of(result);
  const auto num_launches = static_cast<std::int64_t>(launch_sizes.size());
  hdf5::write_dataset(group, "samples_per_launch", {num_launches}, launch_sizes, hdf5::Extent::growing);
  write_times(group, result.measurements);
  const auto summary = hdf5::create_group(group, "summary");
  const auto work = hdf5::create_group(group, "work");
  for (const Measurement& m : result.measurements) {
    write_summary(summary, m);
    write_work(work, m);
  }
  write_meters(group, result.meters);
  write_verification(group, result.verification);
  const auto metrics = hdf5::create_group(group, "metrics");
  for (const auto& [name, value] : result.metrics) hdf5::write_attribute(metrics, name, value);
  const auto notes = hdf5::create_group(group, "notes");
  for (const auto& [name, text] : result.notes) hdf5::write_attribute(notes, name, text);
  write_digest(group);
}

void write_balancing(hid_t file, const BalancingTrajectory& t, std::int64_t order) {
  const auto group = hdf5::create_group(hdf5::open_group(file, "balancing"), t.id);
  hdf5::write_attribute(group, "order", order);
  for (const auto& [name, field] : schema::balancing_texts) hdf5::write_attribute(group, name, t.*field);
  hdf5::write_dataset(group, "load", {t.num_steps, t.num_experts}, t.load);
  hdf5::write_dataset(group, "maxvio", {t.num_steps}, t.maxvio);
  hdf5::write_dataset(group, "dropped", {t.num_steps}, t.dropped);
  hdf5::write_dataset(group, "routed", {t.num_steps}, t.routed);
  if (!t.bias.empty()) hdf5::write_dataset(group, "bias", {t.num_steps, t.num_experts}, t.bias);
  if (!t.aux_loss.empty()) hdf5::write_dataset(group, "aux_loss", {t.num_steps}, t.aux_loss);
  write_digest(group);
}

std::int64_t bytes_of(const ReportHeader& header) {
  const Environment& environment = header.environment;
  return 8 * per_object + static_cast<std::int64_t>(2 * header.command_line.size() + header.config.size()) +
         bytes_of(table_of(header.axes)) + bytes_of(environment.facts) + bytes_of(environment.variables) +
         bytes_of(environment.nodes) + bytes_of(environment.ranks);
}

std::int64_t bytes_of(const CaseResult& result) {
  std::int64_t bytes = 20 * per_object + static_cast<std::int64_t>(result.skip_reason.size());
  for (const auto& [axis, value] : result.coordinates) bytes += static_cast<std::int64_t>(value.size()) + 1024;
  for (const std::string& claim : result.verification.failed) bytes += static_cast<std::int64_t>(claim.size());
  for (const auto& [name, text] : result.notes) bytes += static_cast<std::int64_t>(name.size() + text.size()) + 1024;
  bytes += static_cast<std::int64_t>(result.metrics.size()) * 1024;
  for (const Measurement& m : result.measurements) bytes += 3 * per_object + bytes_of(m.samples);
  for (const MeterSeries& meter : result.meters) bytes += bytes_of(meter.samples);
  return bytes;
}

std::int64_t bytes_of(const BalancingTrajectory& t) {
  const std::size_t numbers = t.load.size() + t.maxvio.size() + t.dropped.size() + t.routed.size() + t.bias.size() +
                              t.aux_loss.size() + static_cast<std::size_t>(t.num_experts);
  const auto bytes = static_cast<std::int64_t>(numbers * sizeof(double));
  return 10 * per_object + bytes + bytes / 64;
}

void check_writable(const CaseResult& result) {
  check_name(result.id, "a case");
  const std::vector<std::int64_t> launch_sizes = launch_sizes_of(result);
  std::set<std::string> parts, meters;
  for (const Measurement& m : result.measurements) {
    check_samples(m.samples, launch_sizes, m.part, parts, "a part of case '" + result.id + "'");
  }
  for (const MeterSeries& meter : result.meters) {
    check_samples(meter.samples, launch_sizes, meter.meter, meters, "a meter of case '" + result.id + "'");
  }
}

void check_writable(const BalancingTrajectory& t) {
  const std::string where = "of balancing '" + t.id + "'";
  check_name(t.id, "a balancing");
  check_length(t.load.size(), t.num_steps * t.num_experts, "load " + where);
  check_length(t.maxvio.size(), t.num_steps, "maxvio " + where);
  check_length(t.dropped.size(), t.num_steps, "dropped " + where);
  check_length(t.routed.size(), t.num_steps, "routed " + where);
  if (!t.bias.empty()) check_length(t.bias.size(), t.num_steps * t.num_experts, "bias " + where);
  if (!t.aux_loss.empty()) check_length(t.aux_loss.size(), t.num_steps, "aux_loss " + where);
}

}  // namespace moeperf
