#include "results/case_columns.hpp"

#include "results/case_key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moeperf {
namespace {

/// The ordinal of each row's case among the cases of its coordinates; a case may have several rows.
std::map<const CaseResult*, int> ordinals(const ReportAxes& axes, const std::vector<const CaseResult*>& rows) {
  std::vector<const CaseResult*> cases;
  for (const CaseResult* row : rows) {
    if (std::find(cases.begin(), cases.end(), row) == cases.end()) cases.push_back(row);
  }
  const std::vector<int> occurrences = case_occurrences(axes, cases);
  std::map<const CaseResult*, int> found;
  for (std::size_t i = 0; i < cases.size(); ++i) found[cases[i]] = occurrences[i];
  return found;
}

/// Values of one axis, one per row.
struct AxisColumn {
  const ReportAxis* axis;
  std::vector<std::string> texts;
};

/// Whether two rows that `shown` does not tell apart have different values of an axis.
bool tells_apart(const std::vector<AxisColumn>& shown, const AxisColumn& candidate) {
  std::map<std::vector<std::string>, std::string> value_of;
  for (std::size_t row = 0; row < candidate.texts.size(); ++row) {
    std::vector<std::string> coordinates;
    for (const AxisColumn& column : shown) coordinates.push_back(column.texts[row]);
    const auto [known, is_new] = value_of.try_emplace(std::move(coordinates), candidate.texts[row]);
    if (!is_new && known->second != candidate.texts[row]) return true;
  }
  return false;
}

}  // namespace

void add_case_columns(TitledTable& table, const ReportAxes& axes, const std::vector<const CaseResult*>& cases,
                      const std::set<std::string>& always) {
  const std::map<const CaseResult*, int> ordinal = ordinals(axes, cases);
  std::vector<AxisColumn> shown, candidates;
  for (const ReportAxis& axis : axes) {
    const std::string& name = axis.name;
    if (name == "benchmark") continue;
    AxisColumn column{&axis, {}};
    for (const CaseResult* result : cases) {
      column.texts.push_back(axis_text(axis, *result));
      if (name == "workload" && ordinal.at(result) > 1) column.texts.back() += fmt::format("#{}", ordinal.at(result));
    }
    (always.count(name) != 0 ? shown : candidates).push_back(std::move(column));
  }
  for (AxisColumn& candidate : candidates) {
    if (tells_apart(shown, candidate)) shown.push_back(std::move(candidate));
  }
  std::sort(shown.begin(), shown.end(), [](const AxisColumn& a, const AxisColumn& b) { return a.axis < b.axis; });
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i);
    const ReportAxis& axis = *shown[i].axis;
    table.columns.insert(table.columns.begin() + at, {axis.name, axis.unit, axis.name == "tokens"});
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      table.rows[row].insert(table.rows[row].begin() + at, Cell(shown[i].texts[row]));
    }
  }
}

}  // namespace moeperf
