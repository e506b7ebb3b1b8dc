#pragma once

#include "results/compare.hpp"
#include "results/compare_match.hpp"
#include "results/titled_table.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// The layer's throughput of both reports, one for each pair of cases of the benchmark `layer`. `parts` are those that
/// were compared, whose verdicts say whether the two differ: of systems of other size as the throughput per rank, which
/// is the same question where each rank has as many tokens.
std::vector<ComparedMerit> compare_merits(const Report& base, const Report& fresh, const std::vector<CasePair>& pairs,
                                          const std::vector<ComparedPart>& parts);

TitledTable merit_table(const Comparison& comparison);

}  // namespace moeperf
