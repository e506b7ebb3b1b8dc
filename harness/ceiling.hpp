#pragma once

#include "harness/benchmark.hpp"

#include <span>
#include <string>

namespace moeperf {

/// Why this rank cannot have done its share of a part's work in the median of these times, which are its own; empty
/// where it can, or where no ceiling is known.
std::string too_fast(const PartInfo& part, const WorkModel& work, std::span<const double> times_s);

}  // namespace moeperf
