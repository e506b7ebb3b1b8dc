#pragma once

#include "kernels/base/error.hpp"

#include <cstddef>
#include <cstdlib>
#include <string>

namespace moeperf::test {

/// How much of a matrix of cases a conformance test runs, by the environment variable MOEPERF_MATRIX: `full`, also
/// where there is none, or `thin`.
inline bool matrix_is_thin() {
  const char* value = std::getenv("MOEPERF_MATRIX");
  const std::string matrix = value == nullptr ? "full" : value;
  if (matrix != "full" && matrix != "thin") throw Error("MOEPERF_MATRIX=" + matrix + "; accepted: full, thin");
  return matrix == "thin";
}

/// The rule of a thin matrix. Its steps (every case with every implementation) all occur; what varies in a step (the
/// element type, the kernels, the ranks of a node) takes turns from step to step, one of `num_choices` in each, so that
/// every choice occurs, too. In a full matrix each step meets every choice.
inline bool in_turn(bool thin, std::size_t step, std::size_t choice, std::size_t num_choices) {
  return !thin || step % num_choices == choice;
}

inline bool in_turn(std::size_t step, std::size_t choice, std::size_t num_choices) {
  return in_turn(matrix_is_thin(), step, choice, num_choices);
}

}  // namespace moeperf::test
