#pragma once

#include "benchmarks/configuration/case_spec.hpp"

#include <string>

namespace moeperf {

inline const std::string kernel_axis = "kernel";

/// The kernel backend that a case computes with.
inline const std::string& kernel_of(const CaseSpec& spec) { return spec.value(kernel_axis); }

}  // namespace moeperf
