#pragma once

#include "results/report.hpp"
#include "results/titled_table.hpp"

namespace moeperf {

/// The load of the experts over the steps, a row for each trajectory; no rows where there is none.
TitledTable balancing_table(const Report& report);

}  // namespace moeperf
