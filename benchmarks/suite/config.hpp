#pragma once

#include "harness/stopping.hpp"
#include "kernels/quantize.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <string>
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
  double phase_time_limit_s = 60;  ///< after which a phase counts as stalled (see Watchdog); 0: none
  std::uint64_t seed = 1;
  ExpertWeightsMode expert_weights = ExpertWeightsMode::full;
};

/// What the rows of a model in `dtype` travel as, in the order asked for, each once.
std::vector<WireType> wire_types_of(const RunSettings& run, DType dtype);

struct SuiteConfig {
  Workload workload;
  RunSettings run;
};

/// Parses one workload file. `path` is for messages; `overrides` are "key=value" with dotted keys, applied
/// on top. Pure: the same text gives the same result or the same UserError (file, line, key, what was
/// given, what is accepted) on every rank.
SuiteConfig parse_config(const std::string& text, const std::string& path, const std::vector<std::string>& overrides);

/// The resolved configuration as TOML that parse_config reads back to the same thing.
std::string to_toml(const SuiteConfig& config);

}  // namespace moeperf
