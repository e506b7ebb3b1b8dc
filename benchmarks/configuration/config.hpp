#pragma once

#include "benchmarks/configuration/case_spec.hpp"
#include "benchmarks/configuration/sweep_size.hpp"
#include "harness/instruments.hpp"
#include "harness/stopping.hpp"
#include "harness/time_limits.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moeperf {

/// full: every expert has its own weights. pooled: a few distinct weight buffers, together larger than
/// the last-level cache, stand for all of a rank's experts.
enum class ExpertWeightsMode : std::uint8_t { full, pooled };
std::string_view name(ExpertWeightsMode mode);

/// What to run on a workload, from the file's [run] table and the command line.
struct RunSettings {
  std::string benchmarks = ".*";                         ///< regular expression, matched against whole names
  std::map<std::string, std::vector<std::string>> axes;  ///< what is wanted on an axis, by its name
  SamplingPlan sampling;
  InstrumentNames instruments;
  SweepSettings sweep;
  TimeLimits limits;
  std::uint64_t seed = 1;
  ExpertWeightsMode expert_weights = ExpertWeightsMode::full;

  /// What is wanted on an axis: values, or words for several; where nothing is said what the axis has then.
  const std::vector<std::string>& wanted(const std::string& axis) const;
  /// Whether a value on an axis is wanted by its name.
  bool names(const std::string& axis, const std::string& value) const;
};

struct SuiteConfig {
  Workload workload;
  RunSettings run;
  CaseSpec chosen;    ///< the values on the axes that make configurations, such as the traffic's
  std::string point;  ///< what tells it from the other points of its sweep, for names of cases; empty: not swept
};

inline const std::string set_option = "--set";

/// A key's value from the command line.
struct Override {
  std::string setting;  ///< "key=value" with a dotted key
  std::string option;   ///< what the user typed, for messages

  Override(std::string given, std::string by = set_option) : setting(std::move(given)), option(std::move(by)) {}
  Override(const char* given) : Override(std::string(given)) {}
};

/// Parses one workload file. `path` is for messages; `overrides` are applied on top. Pure: the same text gives the same
/// result or the same UserError (file, line, key, what was given, what is accepted) on every rank.
SuiteConfig parse_config(const std::string& text, const std::string& path, const std::vector<Override>& overrides);

/// The resolved configuration as TOML that parse_config reads back to the same thing.
std::string to_toml(const SuiteConfig& config);

}  // namespace moeperf
