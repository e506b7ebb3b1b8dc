#pragma once

#include "kernels/gate.hpp"
#include "kernels/workload.hpp"

#include <cstdint>

namespace moeperf {

/// The untrained router: W [E,H] ~ independent, mean 0, variance 1/H; b = 0. Pure function of
/// (shape, seed).
GateState initial_gate_state(const ModelShape& model, std::uint64_t seed);

/// Fills `out` with one matrix of one expert: independent entries, mean 0, variance 1/fan_in
/// (fan_in = out.num_cols()). Pure function of (seed, expert, matrix).
enum class ExpertMatrix : std::uint8_t { gate, up, down };
void fill_expert_matrix(std::uint64_t seed, std::int32_t expert, ExpertMatrix matrix, Rows out);

}  // namespace moeperf
