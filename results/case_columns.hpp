#pragma once

#include "results/report.hpp"
#include "results/titled_table.hpp"

#include <set>
#include <string>
#include <vector>

namespace moeperf {

/// Puts the coordinates of a table's rows to the left of it: the axes (the benchmark aside) in `always`, and
/// those that it takes beside them to tell the rows of different cases apart. `cases`: that of each row. Where two
/// cases have the same coordinates, the second one's workload is called "name#2".
void add_case_columns(TitledTable& table, const ReportAxes& axes, const std::vector<const CaseResult*>& cases,
                      const std::set<std::string>& always);

}  // namespace moeperf
