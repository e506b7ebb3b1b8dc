#pragma once

#include "results/report.hpp"
#include "results/titled_table.hpp"

#include <vector>

namespace moeperf {

/// What follows from a whole report, table by table, in the order of reading: balancing, links, exchanges, tuning,
/// layer. Those without rows are left out.
std::vector<TitledTable> summary_tables(const Report& report);

}  // namespace moeperf
