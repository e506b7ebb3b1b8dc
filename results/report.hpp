#pragma once

#include "results/axes.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moeperf {

/// What one part of one case has to do, summed over all ranks; declared by the benchmark, independent
/// of how the work was done, but for the wire bytes, which are what the dispatcher sent.
struct WorkModel {
  double flop_useful = 0;       ///< FLOP that the formulas ask for
  double flop_executed = 0;     ///< FLOP that ran, padding included
  double memory_bytes = 0;      ///< bytes that must move between memory and cores, each operand once
  double logical_bytes = 0;     ///< K copies per token
  double useful_bytes = 0;      ///< logical bytes neither dropped nor padding
  double wire_bytes_intra = 0;  ///< sent between ranks of one node
  double wire_bytes_inter = 0;  ///< sent between nodes

  WorkModel& operator+=(const WorkModel& more);
  bool operator==(const WorkModel&) const = default;
};

/// A sample that a rank says does not count, such as one that it started late. Kept, and left out of summaries.
struct InvalidSample {
  std::int64_t sample = 0;  ///< counted over all launches
  std::int64_t rank = 0;
  std::string reason{};

  auto operator<=>(const InvalidSample&) const = default;
};

/// Raw values of one series, one for each sample and rank. One launch is one start of the program, with as many samples
/// as it needed; a report written by `run` has one launch.
struct Samples {
  std::int64_t num_ranks = 1;
  std::vector<std::int64_t> launch_sizes;  ///< samples of each launch
  std::vector<double> values{};            ///< [sample, rank], row-major, one launch after the other; times in seconds
  /// [sample, rank], of times: when each began, in seconds on that rank's clock since its launch started; empty: not
  /// known.
  std::vector<double> starts_s{};
  std::vector<InvalidSample> invalid{};  ///< of times, in order

  std::int64_t num_samples() const;  ///< of all launches
  std::int64_t num_launches() const { return static_cast<std::int64_t>(launch_sizes.size()); }
  double at(std::int64_t sample, std::int64_t rank) const {
    return values[static_cast<std::size_t>(sample * num_ranks + rank)];
  }

  bool operator==(const Samples&) const = default;
};

/// What a timed part is for. measured: a result. baseline: a plain operation beside it, measured only to be compared
/// with, the control group of comparisons.
enum class Role : std::uint8_t { measured, baseline };
std::string name(Role role);
std::optional<Role> parse_role(const std::string& text);
/// A part's name as tables show it: "~name" for a baseline.
std::string marked(const std::string& part, Role role);
/// As tables show the name of a meter: ".name".
std::string marked_meter(const std::string& meter);

/// One timed part of a case.
struct Measurement {
  std::string part;  ///< e.g. "dispatch"
  Samples samples;
  WorkModel work;
  /// Names of the baselines, parts of the same case, whose medians together this one is compared with; empty:
  /// none. A baseline is a plain operation measured beside it, such as a bare exchange or a memory copy of the
  /// same bytes; a part that moves fewer bytes can be faster. Only parts of equal work may be named, unless
  /// baseline_work_ratio says otherwise.
  std::vector<std::string> baselines;
  /// This part's work over the baselines' work (e.g. FLOP/FLOP): baseline time = ratio × Σ medians.
  double baseline_work_ratio = 1.0;
  Role role = Role::measured;

  bool operator==(const Measurement&) const = default;
};

/// What one value of a meter stands for, made of those of all ranks: time is that of the slowest, energy the sum.
enum class AcrossRanks : std::uint8_t { max, sum };
std::string name(AcrossRanks across_ranks);
std::optional<AcrossRanks> parse_across_ranks(const std::string& text);

/// A series of values beside a case's times, one for each sample and rank: information, neither a result nor compared
/// as one.
struct MeterSeries {
  std::string meter;  ///< e.g. "exposed"; no two of a case have one name
  std::string unit;   ///< of the values: "s", "J", "B", "1" for a plain number
  AcrossRanks across_ranks = AcrossRanks::max;
  Samples samples;

  bool operator==(const MeterSeries&) const = default;
};

struct Verification {
  bool performed = false;
  bool passed = false;
  std::int64_t wrong = 0;    ///< elements or rows out of tolerance, over all ranks
  std::int64_t checked = 0;  ///< elements or rows compared, over all ranks
  double max_error = 0;      ///< in the units of `tolerance`
  double tolerance = 0;
  std::string scope;  ///< what was compared with what, in words: the claims, with "; " between
  std::vector<std::string>
      failed{};  ///< those of the claims that did not hold on some rank, each once; or why nothing was verified

  bool operator==(const Verification&) const = default;
};

enum class StopReason : std::uint8_t { target_ci, max_time, fixed_count };
std::string name(StopReason reason);

/// One cell of the experiment: its coordinates, what was measured, whether it is right.
struct CaseResult {
  std::string id;  ///< unique in the report, a valid HDF5 link name
  Coordinates coordinates;
  std::int64_t tokens_global = 0;
  std::string routing_checksum;  ///< hexadecimal; empty where there is no routing
  /// Asked for by name, or failed where nothing was known to stand in its way: that it was skipped is a finding.
  bool should_run = false;
  std::string skip_reason;  ///< not empty: not measured, and why; nothing below is set
  std::string stop_reason;
  std::vector<Measurement> measurements;
  std::vector<MeterSeries> meters;
  Verification verification;
  std::map<std::string, double> metrics;  ///< further figures of the case, name_unit → value
  std::map<std::string, std::string> notes;

  /// The value on an axis; "-" where the case says nothing of it.
  std::string on(const std::string& axis) const;

  bool operator==(const CaseResult&) const = default;
};

/// The balancing of one workload and phase under one scheme, step by step.
struct BalancingTrajectory {
  std::string id, workload, phase_kind, scheme, kernel;
  std::int64_t num_steps = 0;
  std::int64_t num_experts = 0;
  std::vector<std::int64_t> load;     ///< [step, E], copies routed, before drops, over all ranks
  std::vector<double> maxvio;         ///< [step]
  std::vector<std::int64_t> dropped;  ///< [step], copies, over all ranks
  std::vector<std::int64_t> routed;   ///< [step], copies, over all ranks
  std::vector<float> bias;            ///< [step, E], the one in use at that step; empty: no bias
  std::vector<double> aux_loss;       ///< [step]; empty: no loss

  bool operator==(const BalancingTrajectory&) const = default;
};

using Table = std::vector<std::pair<std::string, std::vector<std::string>>>;  ///< column name → values

/// Everything that could matter to someone who repeats the run.
struct Environment {
  std::map<std::string, std::string> facts;      ///< versions, build, job, MPI, …: name → text
  std::map<std::string, std::string> variables;  ///< environment variables that matter
  Table nodes;                                   ///< one row per node
  Table ranks;                                   ///< one row per rank

  bool operator==(const Environment&) const = default;
};

/// What is known of a launch before its first case.
struct ReportHeader {
  std::string run_id;
  std::string moeperf_version;
  std::string command_line;
  std::string start_time;  ///< UTC, ISO 8601
  std::uint64_t seed = 0;
  std::string config;  ///< the resolved TOML text
  std::int64_t num_ranks = 1;
  std::int64_t num_nodes = 1;
  std::int64_t num_cases_planned = 0;
  ReportAxes axes;  ///< of its cases
  Environment environment;

  bool operator==(const ReportHeader&) const = default;
};

/// One start of the program.
struct Launch {
  ReportHeader header;
  std::string end_time;     ///< empty while the run goes on, and for ever if it was killed
  std::string ended_early;  ///< why the run closed its report before all cases were measured; empty: it did not

  bool operator==(const Launch&) const = default;
};

/// A whole report file.
struct Report {
  /// At least one. They agree in configuration, seed, ranks and nodes; the k-th launch of a case's samples is the k-th
  /// of these.
  std::vector<Launch> launches = std::vector<Launch>(1);
  std::string status;             ///< "running", "VALID" or "INVALID: reason; reason"
  std::vector<CaseResult> cases;  ///< in the order measured
  std::vector<BalancingTrajectory> balancing;

  /// Of the first launch: what is the same in all, and the environment that others are compared with.
  const ReportHeader& header() const { return launches.front().header; }
  ReportHeader& header() { return launches.front().header; }

  bool operator==(const Report&) const = default;
};

}  // namespace moeperf
