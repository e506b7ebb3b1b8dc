#include "results/reader.hpp"

#include "kernels/base/error.hpp"
#include "results/hdf5.hpp"
#include "results/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

namespace moeperf {
namespace {

[[noreturn]] void malformed(hid_t parent, const std::string& name, const std::string& reason) {
  throw Error(fmt::format("'{}' {}", hdf5::path_of(parent, name), reason));
}

/// A group's members in the order they were added.
std::vector<std::string> in_order(hid_t group) {
  std::vector<std::pair<std::int64_t, std::string>> ordered;
  for (const std::string& name : hdf5::members(group)) {
    ordered.emplace_back(hdf5::read_integer_attribute(hdf5::open_object(group, name), "order"), name);
  }
  std::sort(ordered.begin(), ordered.end());
  std::vector<std::string> names;
  for (auto& [order, name] : ordered) names.push_back(std::move(name));
  return names;
}

bool read_flag(hid_t object, const std::string& name) { return hdf5::read_integer_attribute(object, name) != 0; }

std::map<std::string, std::string> read_map(hid_t parent, const std::string& name) {
  const auto group = hdf5::open_group(parent, name);
  const auto names = hdf5::read_texts(group, "name");
  const auto values = hdf5::read_texts(group, "value");
  if (names.size() != values.size()) malformed(parent, name, "has names and values that differ in number");
  std::map<std::string, std::string> map;
  for (std::size_t i = 0; i < names.size(); ++i) map[names[i]] = values[i];
  return map;
}

Table read_table(hid_t parent, const std::string& name) {
  Table table;
  const auto group = hdf5::open_group(parent, name);
  for (const std::string& column : in_order(group)) {
    table.emplace_back(column, hdf5::read_texts(group, column));
    if (table.back().second.size() != table.front().second.size()) {
      malformed(group, column, "has not as many rows as the first column");
    }
  }
  return table;
}

/// A column that is not there leaves what axes have without it.
ReportAxes read_axes(hid_t file) {
  ReportAxes axes;
  for (const auto& [column, values] : read_table(file, "axes")) {
    axes.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      for (const auto& [name, field] : schema::axis_texts) {
        if (column == name) axes[i].*field = values[i];
      }
      if (column == schema::heading_place) axes[i].heading_place = std::atoi(values[i].c_str());
    }
  }
  std::set<std::string> names;
  for (const ReportAxis& axis : axes) {
    if (axis.name.empty() || !names.insert(axis.name).second) malformed(file, "axes", "does not name each axis once");
  }
  return axes;
}

/// Values that a time can have.
bool is_time(double seconds) { return std::isfinite(seconds) && seconds >= 0; }
bool is_number(double value) { return std::isfinite(value); }

std::vector<double> read_values(hid_t parent, const std::string& name, bool (*is_value)(double), const char* what) {
  std::vector<double> values = hdf5::read_dataset<double>(parent, name);
  if (!std::all_of(values.begin(), values.end(), is_value)) {
    malformed(parent, name, fmt::format("holds something that is no {}", what));
  }
  return values;
}

/// Samples of each launch of a case, none negative.
std::vector<std::int64_t> read_launch_sizes(hid_t of_case) {
  const std::string name = "samples_per_launch";
  if (hdf5::shape_of(of_case, name).size() != 1) malformed(of_case, name, "is not [launch]");
  const auto sizes = hdf5::read_dataset<std::int64_t>(of_case, name);
  std::int64_t left = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t size : sizes) {
    if (size < 0 || size > left) malformed(of_case, name, "holds something that is no number of samples");
    left -= size;
  }
  return sizes;
}

Samples read_samples(hid_t parent, const std::string& name, const std::vector<std::int64_t>& launch_sizes,
                     bool (*is_value)(double), const char* what) {
  Samples samples{.launch_sizes = launch_sizes};
  const auto shape = hdf5::shape_of(parent, name);
  if (shape.size() != 2) malformed(parent, name, "is not [sample, rank]");
  // Without a rank there is nothing that a sample could be of.
  if (shape[1] < 1 || shape[1] > 1'000'000'000) malformed(parent, name, "has an absurd number of ranks");
  if (shape[0] != samples.num_samples()) malformed(parent, name, "has not as many samples as the launches of the case");
  samples.num_ranks = shape[1];
  samples.values = read_values(parent, name, is_value, what);
  return samples;
}

std::vector<InvalidSample> read_invalid(hid_t parent, const std::string& part, const Samples& samples) {
  const auto group = hdf5::open_group(parent, part);
  const auto numbers = hdf5::read_dataset<std::int64_t>(group, "sample");
  const auto ranks = hdf5::read_dataset<std::int64_t>(group, "rank");
  const auto reasons = hdf5::read_texts(group, "reason");
  if (ranks.size() != numbers.size() || reasons.size() != numbers.size()) {
    malformed(parent, part, "has columns of different lengths");
  }
  std::vector<InvalidSample> invalid;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] < 0 || numbers[i] >= samples.num_samples() || ranks[i] < 0 || ranks[i] >= samples.num_ranks) {
      malformed(parent, part, "names a sample that is not there");
    }
    invalid.push_back({numbers[i], ranks[i], reasons[i]});
  }
  return invalid;
}

Samples read_times(hid_t of_case, const std::string& part, const std::vector<std::int64_t>& launch_sizes) {
  const auto times = hdf5::open_group(of_case, "samples"), starts = hdf5::open_group(of_case, "starts"),
             invalid = hdf5::open_group(of_case, "invalid");
  Samples samples = read_samples(times, part, launch_sizes, is_time, "time");
  if (hdf5::exists(starts, part)) {
    if (hdf5::shape_of(starts, part) != hdf5::shape_of(times, part)) {
      malformed(starts, part, "has another shape than the samples");
    }
    samples.starts_s = read_values(starts, part, is_time, "time");
  }
  if (hdf5::exists(invalid, part)) samples.invalid = read_invalid(invalid, part, samples);
  return samples;
}

MeterSeries read_meter(hid_t parent, const std::string& name, const std::vector<std::int64_t>& launch_sizes) {
  MeterSeries meter;
  meter.meter = name;
  meter.samples = read_samples(parent, name, launch_sizes, is_number, "number");
  const auto dataset = hdf5::open_object(parent, name);
  meter.unit = hdf5::read_text_attribute(dataset, "unit");
  const auto across_ranks = parse_across_ranks(hdf5::read_text_attribute(dataset, "across_ranks"));
  if (!across_ranks) malformed(parent, name, "is taken across ranks in an unknown way");
  meter.across_ranks = *across_ranks;
  return meter;
}

Measurement read_measurement(hid_t group, const std::string& part, const std::vector<std::int64_t>& launch_sizes) {
  Measurement m;
  m.part = part;
  const auto samples = hdf5::open_group(group, "samples");
  m.samples = read_times(group, part, launch_sizes);
  const auto role = parse_role(hdf5::read_text_attribute(hdf5::open_object(samples, part), "role"));
  if (!role) malformed(samples, part, "has an unknown role");
  m.role = *role;
  const auto work = hdf5::open_group(hdf5::open_group(group, "work"), part);
  for (const auto& [name, field] : schema::work_fields) m.work.*field = hdf5::read_real_attribute(work, name);
  if (hdf5::exists(work, "baselines")) {
    m.baselines = hdf5::read_texts(work, "baselines");
    m.baseline_work_ratio = hdf5::read_real_attribute(work, "baseline_work_ratio");
  }
  return m;
}

Verification read_verification(hid_t parent) {
  const auto group = hdf5::open_group(parent, "verification");
  Verification verification;
  verification.performed = read_flag(group, "performed");
  verification.passed = read_flag(group, "passed");
  verification.wrong = hdf5::read_integer_attribute(group, "wrong");
  verification.checked = hdf5::read_integer_attribute(group, "checked");
  verification.max_error = hdf5::read_real_attribute(group, "max_error");
  verification.tolerance = hdf5::read_real_attribute(group, "tolerance");
  verification.scope = hdf5::read_text_attribute(group, "scope");
  if (hdf5::exists(group, "failed")) verification.failed = hdf5::read_texts(group, "failed");
  return verification;
}

CaseResult read_case(hid_t cases, const std::string& id, const ReportAxes& axes, std::size_t num_launches) {
  CaseResult result;
  result.id = id;
  const auto group = hdf5::open_group(cases, id);
  result.tokens_global = hdf5::read_integer_attribute(group, "tokens_global");
  result.should_run = read_flag(group, "should_run");
  for (const auto& [name, field] : schema::case_texts) result.*field = hdf5::read_text_attribute(group, name);
  const auto coordinates = hdf5::open_group(group, "coordinates");
  for (const auto& name : hdf5::attribute_names(coordinates))
    result.coordinates[name] = hdf5::read_text_attribute(coordinates, name);
  for (const ReportAxis& axis : axes) result.coordinates.try_emplace(axis.name, axis.usual);
  const std::vector<std::int64_t> launch_sizes = read_launch_sizes(group);
  if (launch_sizes.size() > num_launches) malformed(cases, id, "has more launches than the report");
  for (const std::string& part : in_order(hdf5::open_group(group, "samples"))) {
    result.measurements.push_back(read_measurement(group, part, launch_sizes));
  }
  const auto meters = hdf5::open_group(group, "meters");
  for (const std::string& meter : in_order(meters)) result.meters.push_back(read_meter(meters, meter, launch_sizes));
  result.verification = read_verification(group);
  const auto metrics = hdf5::open_group(group, "metrics");
  for (const auto& name : hdf5::attribute_names(metrics))
    result.metrics[name] = hdf5::read_real_attribute(metrics, name);
  const auto notes = hdf5::open_group(group, "notes");
  for (const auto& name : hdf5::attribute_names(notes)) result.notes[name] = hdf5::read_text_attribute(notes, name);
  return result;
}

template <class T>
std::vector<T> read_shaped(hid_t group, const std::string& name, const std::vector<std::int64_t>& shape) {
  if (hdf5::shape_of(group, name) != shape) malformed(group, name, "has another shape than 'load' asks for");
  return hdf5::read_dataset<T>(group, name);
}

BalancingTrajectory read_trajectory(hid_t parent, const std::string& id) {
  BalancingTrajectory t;
  t.id = id;
  const auto group = hdf5::open_group(parent, id);
  for (const auto& [name, field] : schema::balancing_texts) t.*field = hdf5::read_text_attribute(group, name);
  const auto shape = hdf5::shape_of(group, "load");
  if (shape.size() != 2 || (shape[0] > 0 && shape[1] < 1)) malformed(group, "load", "is not [step, expert]");
  t.num_steps = shape[0];
  t.num_experts = shape[1];
  t.load = hdf5::read_dataset<std::int64_t>(group, "load");
  t.maxvio = read_shaped<double>(group, "maxvio", {t.num_steps});
  t.dropped = read_shaped<std::int64_t>(group, "dropped", {t.num_steps});
  t.routed = read_shaped<std::int64_t>(group, "routed", {t.num_steps});
  if (hdf5::exists(group, "bias")) t.bias = read_shaped<float>(group, "bias", shape);
  if (hdf5::exists(group, "aux_loss")) t.aux_loss = read_shaped<double>(group, "aux_loss", {t.num_steps});
  return t;
}

void check_version(hid_t file) {
  if (!hdf5::has_attribute(file, "schema_version")) throw Error("no attribute 'schema_version'; some other HDF5 file?");
  const std::int64_t version = hdf5::read_integer_attribute(file, "schema_version");
  if (version == schema::version) return;
  throw Error(fmt::format("schema version {}; this moeperf reads version {}{}", version, schema::version,
                          version > schema::version ? ": a newer one is needed" : ""));
}

Launch read_launch(hid_t launches, const std::string& name) {
  const auto group = hdf5::open_group(launches, name);
  Launch launch;
  launch.end_time = hdf5::read_text_attribute(group, "end_time");
  launch.ended_early = hdf5::read_text_attribute(group, "ended_early");
  ReportHeader& header = launch.header;
  header.moeperf_version = hdf5::read_text_attribute(group, "moeperf_version");
  header.run_id = hdf5::read_text_attribute(group, "run_id");
  header.command_line = hdf5::read_text_attribute(group, "command_line");
  header.start_time = hdf5::read_text_attribute(group, "start_time");
  header.seed = hdf5::read_unsigned_attribute(group, "seed");
  header.num_ranks = hdf5::read_integer_attribute(group, "num_ranks");
  header.num_nodes = hdf5::read_integer_attribute(group, "num_nodes");
  header.num_cases_planned = hdf5::read_integer_attribute(group, "num_cases_planned");
  header.config = hdf5::read_text(group, "config");
  const auto environment = hdf5::open_group(group, "environment");
  header.environment.facts = read_map(environment, "facts");
  header.environment.variables = read_map(environment, "variables");
  header.environment.nodes = read_table(environment, "nodes");
  header.environment.ranks = read_table(environment, "ranks");
  return launch;
}

Report read(hid_t file) {
  check_version(file);
  Report report;
  report.launches.clear();
  const auto launches = hdf5::open_group(file, "launches");
  for (const std::string& name : in_order(launches)) report.launches.push_back(read_launch(launches, name));
  if (report.launches.empty()) throw Error("no launch in it");
  report.status = hdf5::read_text_attribute(file, "status");
  const ReportAxes axes = read_axes(file);
  for (Launch& launch : report.launches) launch.header.axes = axes;
  const auto cases = hdf5::open_group(file, "cases");
  for (const std::string& id : in_order(cases)) {
    report.cases.push_back(read_case(cases, id, report.header().axes, report.launches.size()));
  }
  const auto balancing = hdf5::open_group(file, "balancing");
  for (const std::string& id : in_order(balancing)) report.balancing.push_back(read_trajectory(balancing, id));
  return report;
}

}  // namespace

Report read_report(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    const std::string part = path.string() + ".part";
    const bool grows = std::filesystem::exists(part, ignored);
    const std::string hint =
        grows ? "; there is '" + part + "', what a run that goes on or was cut short has measured: give that name" : "";
    throw UserError(fmt::format("no file '{}'{}", path.string(), hint));
  }
  if (!std::filesystem::is_regular_file(path, ignored)) throw UserError(fmt::format("'{}' is no file", path.string()));
  try {
    return read(hdf5::open_file(path.string(), false));
  } catch (const std::exception& error) {
    throw UserError(fmt::format("'{}' is not a readable moeperf report: {}", path.string(), error.what()));
  }
}

}  // namespace moeperf
