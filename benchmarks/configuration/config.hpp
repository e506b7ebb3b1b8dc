#pragma once

#include "benchmarks/configuration/sweep_size.hpp"
#include "harness/instruments.hpp"
#include "harness/stopping.hpp"
#include "harness/time_limits.hpp"
#include "kernels/quantize.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
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
  std::string benchmarks = ".*";  ///< regular expression, matched against whole names
  std::vector<std::string> dispatchers{"auto"};
  std::vector<std::string> wires{"native"};  ///< names of wire types, native (that of the model's rows), or all
  std::vector<std::string> kernels{"auto"};
  std::vector<std::string> schemes{"all"};
  std::vector<std::int64_t> chunks{1};  ///< of the layer, each a case
  SamplingPlan sampling;
  InstrumentNames instruments;
  SweepSettings sweep;
  TimeLimits limits;
  std::uint64_t seed = 1;
  ExpertWeightsMode expert_weights = ExpertWeightsMode::full;
};

/// What the rows of a model in `dtype` travel as, in the order asked for, each once.
std::vector<WireType> wire_types_of(const RunSettings& run, DType dtype);

struct SuiteConfig {
  Workload workload;
  RunSettings run;
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
