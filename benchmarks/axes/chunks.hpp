#pragma once

#include "benchmarks/configuration/case_spec.hpp"

#include <cstdint>

namespace moeperf {

/// Parts of the batch whose exchanges overlap with the other parts' experts; 1: none do.
std::int64_t chunks_of(const CaseSpec& spec);

}  // namespace moeperf
