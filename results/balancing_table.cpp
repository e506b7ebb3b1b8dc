#include "results/balancing_table.hpp"

#include "kernels/base/load_measures.hpp"
#include "results/case_columns.hpp"
#include "results/derived.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <numeric>
#include <span>

namespace moeperf {
namespace {

/// Below this MaxVio a load counts as balanced.
constexpr double balanced_maxvio = 0.2;

std::vector<Cell> row_of(const BalancingTrajectory& t) {
  const auto last = std::span(t.load).last(static_cast<std::size_t>(t.num_experts));
  const double routed = std::accumulate(t.routed.begin(), t.routed.end(), 0.0);
  const double dropped = std::accumulate(t.dropped.begin(), t.dropped.end(), 0.0);
  const auto settled = settled_step(t, balanced_maxvio);
  return {{static_cast<double>(t.num_steps), std::to_string(t.num_steps)},
          number_cell(t.maxvio.front(), 3),
          number_cell(t.maxvio.back(), 3),
          settled ? Cell(static_cast<double>(*settled), std::to_string(*settled)) : Cell("never"),
          number_cell(gini(last), 3),
          percent_cell(dropped, routed),
          t.aux_loss.empty() ? Cell("-") : number_cell(t.aux_loss.back(), 3)};
}

/// The coordinates that a trajectory has itself; the rest is in the case of the same id.
CaseResult coordinates_of(const BalancingTrajectory& t) {
  CaseResult result;
  result.coordinates = {{"workload", t.workload}, {"phase", t.phase_kind}, {"scheme", t.scheme}, {"kernel", t.kernel}};
  return result;
}

}  // namespace

TitledTable balancing_table(const Report& report) {
  TitledTable table{"Balancing",
                    fmt::format("load of the experts over the steps. MaxVio = largest load / mean load - 1; balanced: "
                                "from\nwhich step on it stays below {}; dropped: copies over all steps.",
                                balanced_maxvio),
                    {{"steps", ""},
                     {"MaxVio", "first"},
                     {"MaxVio", "last"},
                     {"balanced", "at step"},
                     {"Gini", "last"},
                     {"dropped", "%"},
                     {"aux loss", "last"}},
                    {}};
  std::list<CaseResult> without_case;
  std::vector<const CaseResult*> cases;
  for (const BalancingTrajectory& t : report.balancing) {
    if (t.num_steps < 1) continue;
    table.rows.push_back(row_of(t));
    const auto found = std::find_if(report.cases.begin(), report.cases.end(),
                                    [&](const CaseResult& result) { return result.id == t.id; });
    cases.push_back(found == report.cases.end() ? &without_case.emplace_back(coordinates_of(t)) : &*found);
  }
  add_case_columns(table, report.header().axes, cases, {"workload", "phase", "scheme", "kernel"});
  return table;
}

}  // namespace moeperf
