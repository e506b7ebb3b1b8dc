#pragma once

#include "benchmarks/configuration/case_spec.hpp"
#include "benchmarks/configuration/config.hpp"
#include "kernels/quantize.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moeperf {

inline const std::string wire_axis = "wire";

/// What a case's rows travel as; nothing where the axis does not apply to it: the model's own type.
std::optional<WireType> wire_of(const CaseSpec& spec);

/// What the rows of a model in `dtype` travel as, in the order asked for, each once.
std::vector<WireType> wire_types_of(const RunSettings& run, DType dtype);

}  // namespace moeperf
