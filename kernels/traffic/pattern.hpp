#pragma once

#include "kernels/base/registry.hpp"
#include "kernels/base/view.hpp"
#include "kernels/gate.hpp"
#include "kernels/traffic/recording.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moeperf {

/// MaxVio of the untrained router: what a stream was made for, and what it reached on the calibration sample.
struct TrafficMaxvio {
  double target = 0;
  double reached = 0;
};

/// The step whose batch is measured, whatever the number of balancing steps: these end right before it, step i of n has
/// number measured_step − n + i. A stream that drifts is then at the same point of time when it is measured. The last
/// number that token_item() (kernels/traffic/random_rows.hpp) has room for.
constexpr std::int64_t measured_step = (std::int64_t{1} << 24) - 1;

/// A synthetic token stream: the hidden state of a token is a pure function of (workload, seed, step,
/// global token index), bit-identical for any number of ranks. Local, thread-safe for reading.
class TrafficPattern {
 public:
  virtual ~TrafficPattern() = default;

  /// Fills out [n,H] (f32 or bf16) with the tokens of global index first_token … first_token+n-1 of
  /// `step`. Uses OpenMP inside.
  virtual void hidden_states(std::int64_t step, std::int64_t first_token, Rows out) const = 0;

  /// Fills `routing` with the choices of the tokens first_token … first_token+num_tokens-1 of `step` and returns true
  /// where the stream says itself which experts its tokens go to, whatever their hidden states; else returns false, and
  /// the gate chooses.
  virtual bool prescribe(std::int64_t step, std::int64_t first_token, std::int64_t num_tokens, Routing& routing) const {
    (void)step, (void)first_token, (void)num_tokens, (void)routing;
    return false;
  }

  /// Nothing where the stream is made for no MaxVio in particular.
  virtual std::optional<TrafficMaxvio> maxvio() const { return std::nullopt; }

  /// One line for reports: what the stream is like and, when it is calibrated, target and reached value.
  virtual std::string description() const = 0;
};

struct TrafficContext {
  const Workload* workload = nullptr;
  std::uint64_t seed = 0;
  /// The router the stream is made for, as drawn by initial_gate_state(): patterns that reach a
  /// target imbalance calibrate themselves against it.
  const GateState* gate = nullptr;
};

/// What is known of a pattern before one is made. Everything has a default: a pattern without settings, calibrated to
/// the target, drawn in memory, from ranks that hold what the phase says.
struct PatternTraits {
  std::vector<Setting> settings{};  ///< its table [traffic.NAME]
  /// First setting that does not fit the model, with its key ("traffic.NAME.key"); asked where the pattern is chosen.
  std::function<std::optional<Violation>(const TrafficConfig&, const GateConfig&)> violation{};
  /// MaxVio that the unbalanced router is expected to show, where that is not the target.
  std::function<double(const TrafficConfig&, const GateConfig&)> expected_maxvio{};
  /// Tokens of each rank, where they are not the phase's.
  std::function<std::vector<std::int64_t>(const Phase&, int num_ranks)> tokens_per_rank{};
  /// The file to be read into TrafficConfig::recording before the pattern is made.
  std::function<RecordingSource(const TrafficConfig&)> recording{};
  bool prescribes = false;  ///< whether prescribe() returns true: such traffic leaves nothing to gate and schemes
};

using TrafficRegistry = Registry<TrafficPattern, TrafficContext, PatternTraits>;
TrafficRegistry& traffic_registry();

/// The settings of one pattern: what a workload gives, else the defaults. Throws UserError for unknown names.
Settings pattern_settings(const TrafficConfig& traffic, std::string_view name);

/// The MaxVio that the unbalanced router is expected to show: the target, or what the pattern implies.
double expected_maxvio(const TrafficConfig& traffic, const GateConfig& gate);

/// A setting of a pattern, by its key in a workload file, whose value is a number of rows that are kept in memory.
struct KeptRows {
  std::string key;
  std::int64_t rows = 0;
};
std::vector<KeptRows> kept_rows(const TrafficConfig& traffic);

/// A static one of these at the end of a pattern's file makes it known, as one that needs nothing but its context; a
/// pattern that cannot always run has a Registration of its own.
struct TrafficRegistration {
  TrafficRegistration(std::string name, std::string summary,
                      std::function<std::unique_ptr<TrafficPattern>(const TrafficContext&)> make,
                      PatternTraits traits = {});
};

}  // namespace moeperf
