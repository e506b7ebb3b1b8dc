#pragma once

#include "kernels/base/registry.hpp"
#include "kernels/base/view.hpp"
#include "kernels/gate.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace moeperf {

/// MaxVio of the untrained router: what a stream was made for, and what it reached on the calibration sample.
struct TrafficMaxvio {
  double target = 0;
  double reached = 0;
};

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

using TrafficRegistry = Registry<TrafficPattern, TrafficContext>;
TrafficRegistry& traffic_registry();

/// A static one of these at the end of a pattern's file makes it known, as one that needs nothing but its context; a
/// pattern that cannot always run has a Registration of its own.
struct TrafficRegistration {
  TrafficRegistration(std::string name, std::string summary,
                      std::function<std::unique_ptr<TrafficPattern>(const TrafficContext&)> make);
};

/// The untrained router: W [E,H] ~ independent, mean 0, variance 1/H; b = 0. Pure function of
/// (shape, seed).
GateState initial_gate_state(const ModelShape& model, std::uint64_t seed);

/// Fills `out` with one matrix of one expert: independent entries, mean 0, variance 1/fan_in
/// (fan_in = out.num_cols()). Pure function of (seed, expert, matrix).
enum class ExpertMatrix : std::uint8_t { gate, up, down };
void fill_expert_matrix(std::uint64_t seed, std::int32_t expert, ExpertMatrix matrix, Rows out);

}  // namespace moeperf
