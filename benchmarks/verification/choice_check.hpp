#pragma once

#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/verification/checker.hpp"

namespace moeperf {

/// The experts and weights that a gate with `state` chose for x [T,H] of this rank, against the reference gate, bit
/// for bit, on tokens drawn from the seed: as many as the reference can do in a fraction of a second. Local.
void check_choice(Checker& checker, const Problem& problem, const GateState& state, ConstRows x, const Routing& chosen);

}  // namespace moeperf
