#pragma once

#include "kernels/quantize.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace moeperf {

/// Coordinates of a case within its problem.
struct CaseSpec {
  std::string kernel;
  std::string scheme;       ///< "-" where the benchmark does not depend on it
  std::string dispatcher;   ///< "-" likewise
  std::int64_t chunks = 1;  ///< parts of the batch whose exchanges overlap with the others' experts; 1: none do
  std::optional<WireType> wire = std::nullopt;  ///< what rows travel as; nothing: the model's own type
};

}  // namespace moeperf
