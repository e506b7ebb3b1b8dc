#pragma once

#include "results/compare.hpp"
#include "results/titled_table.hpp"

namespace moeperf {

/// "FASTER", …
std::string name(Verdict verdict);

/// A row for each part that both reports have, with the verdict, the ratio and both medians.
TitledTable comparison_table(const Comparison& comparison);

}  // namespace moeperf
