#pragma once

#include "results/report.hpp"
#include "results/statistics.hpp"
#include "results/titled_table.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// One part among the alternatives that a case measured side by side.
struct RankedPart {
  std::string part;
  double median_s = 0;
  RatioOfMedians over_best;  ///< its median over the best one's

  /// Whether the interval leaves out 1: slower than the best beyond doubt.
  bool surely_slower() const { return over_best.reached && over_best.low > 1; }
};

/// The parts of a case, fastest first. Empty for a case that was skipped.
std::vector<RankedPart> ranking(const CaseResult& result);

/// The ranking of each case of the benchmark `tune`, and for each a figure `best_dispatcher[CASE] = NAME`, with what
/// cannot be told from it and what was left out as remarks; no rows where there are none.
TitledTable tuning_table(const Report& report);

}  // namespace moeperf
