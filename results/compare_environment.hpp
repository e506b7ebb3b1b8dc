#pragma once

#include "results/report.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// "fact: base | new" for all that is not the same in both. Rows of the tables of nodes and ranks are taken
/// as sets: which node has which number does not matter.
std::vector<std::string> environment_differences(const ReportHeader& base, const ReportHeader& fresh);

}  // namespace moeperf
