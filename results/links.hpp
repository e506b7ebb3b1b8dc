#pragma once

#include "results/report.hpp"
#include "results/titled_table.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// What the links of a run can carry when all pairs of a class are at work, in bytes per second over all ranks: from
/// the benchmark `link` of the same report. None where it was not run, or has no pairs of the class.
struct LinkRates {
  std::optional<double> intra, inter;
};
LinkRates link_rates(const std::vector<CaseResult>& cases);

/// Time that the links alone would take for a part's wire bytes, traffic inside nodes and between them at once; none
/// where it sends nothing, or over links that were not measured.
std::optional<double> links_bound_s(const LinkRates& rates, const WorkModel& work);

/// A row for each class of pairs of each case of `link`, and one for its all-to-all.
TitledTable link_table(const Report& report);

/// Dispatch and combine beside a plain all-to-all of the same bytes and beside the links.
TitledTable exchange_table(const Report& report);

}  // namespace moeperf
