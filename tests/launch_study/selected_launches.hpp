#pragma once

#include "results/report.hpp"

#include <cstddef>
#include <span>

namespace moeperf::test {

/// The report that some of a report's launches alone would have made, in the given order.
Report selected_launches(const Report& report, std::span<const std::size_t> launches);

}  // namespace moeperf::test
