#pragma once

#include "benchmarks/configuration/case_spec.hpp"

#include <string>

namespace moeperf {

inline const std::string scheme_axis = "scheme";

/// The balancing scheme whose state routes a case's tokens.
inline const std::string& scheme_of(const CaseSpec& spec) { return spec.value(scheme_axis); }

}  // namespace moeperf
