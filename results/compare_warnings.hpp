#pragma once

#include "results/compare.hpp"
#include "results/compare_match.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// Why the ratios may not say how fast the code is: reports that are incomplete or INVALID, other numbers of
/// ranks, pairs that did not do the same, results that are wrong, a machine that changed meanwhile. The same
/// warning about many cases is one line.
std::vector<std::string> comparison_warnings(const Report& base, const Report& fresh, const MatchedCases& matched,
                                             const std::vector<ComparedPart>& parts);

}  // namespace moeperf
