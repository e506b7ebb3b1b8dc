#include "results/show_balancing.hpp"

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

std::vector<std::string> row_of(const BalancingTrajectory& t) {
  const auto last = std::span(t.load).last(static_cast<std::size_t>(t.num_experts));
  const double routed = std::accumulate(t.routed.begin(), t.routed.end(), 0.0);
  const double dropped = std::accumulate(t.dropped.begin(), t.dropped.end(), 0.0);
  const auto settled = settled_step(t, balanced_maxvio);
  return {std::to_string(t.num_steps),
          short_number(t.maxvio.front(), 3),
          short_number(t.maxvio.back(), 3),
          settled ? std::to_string(*settled) : "never",
          short_number(gini(last), 3),
          routed > 0 ? fmt::format("{:.1f}", 100 * dropped / routed) : "-",
          t.aux_loss.empty() ? "-" : short_number(t.aux_loss.back(), 3)};
}

/// The coordinates that a trajectory has itself; the rest is in the case of the same id.
CaseResult coordinates_of(const BalancingTrajectory& t) {
  CaseResult result;
  result.workload = t.workload;
  result.phase_kind = t.phase_kind;
  result.scheme = t.scheme;
  result.kernel = t.kernel;
  return result;
}

}  // namespace

std::string balancing_text(const Report& report) {
  TextTable table{{"steps", "MaxVio", "MaxVio", "balanced", "Gini", "dropped", "aux loss"},
                  {"", "first", "last", "at step", "last", "%", "last"},
                  {true, true, true, true, true, true, true},
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
  if (table.rows.empty()) return {};
  add_case_columns(table, cases, {"workload", "phase", "scheme", "kernel"});
  return fmt::format(
             "#\n# Balancing: load of the experts over the steps. MaxVio = largest load / mean load - 1; balanced: "
             "from\n"
             "# which step on it stays below {}; dropped: copies over all steps.\n#\n",
             balanced_maxvio) +
         table.text("# ", "# ");
}

}  // namespace moeperf
