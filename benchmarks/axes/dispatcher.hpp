#pragma once

#include "benchmarks/configuration/case_spec.hpp"

#include <string>

namespace moeperf {

inline const std::string dispatcher_axis = "dispatcher";

/// The exchange algorithm of a case.
inline const std::string& dispatcher_of(const CaseSpec& spec) { return spec.value(dispatcher_axis); }

}  // namespace moeperf
