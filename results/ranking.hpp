#pragma once

#include "results/model.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// One phase among the alternatives that a case measured side by side.
struct RankedPhase {
  std::string phase;
  double median_s = 0;
  /// Of its median over the best one's, with a 95 % interval; none where the samples cannot support one.
  double ratio = 1;
  std::optional<double> low, high;

  /// Whether the interval leaves out 1: slower than the best beyond doubt.
  bool surely_slower() const { return low && *low > 1; }
};

/// The phases of a case, fastest first. Empty for a case that was skipped.
std::vector<RankedPhase> ranking(const CaseResult& result);

/// "# Tuning: …" for the cases of the benchmark `tune`, and a line `best_dispatcher[…] = …` for each; empty where there
/// are none.
std::string tuning_text(const std::vector<CaseResult>& cases);

}  // namespace moeperf
