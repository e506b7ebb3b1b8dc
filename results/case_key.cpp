#include "results/case_key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moeperf {
namespace {

/// Longest lists of tokens that keys and headings show as they are.
constexpr std::size_t max_tokens_in_key = 24, max_tokens_in_heading = 80;

bool is_tokens(const ReportAxis& axis) { return axis.name == "tokens"; }

std::string heading_part(const ReportAxis& axis, const CaseResult& result) {
  const std::string& value = value_of(axis, result.coordinates);
  if (is_tokens(axis) && value == "1") return "1 token per rank";
  if (is_tokens(axis) && value.size() > max_tokens_in_heading) {
    return fmt::format("{} tokens over all ranks", result.tokens_global);
  }
  std::string text = filled(axis.heading, value);
  for (const auto& [name, other] : result.coordinates) {
    const std::string place = "{" + name + "}";
    if (const std::size_t at = text.find(place); at != std::string::npos) text.replace(at, place.size(), other);
  }
  return text;
}

}  // namespace

std::string axis_text(const ReportAxis& axis, const CaseResult& result) {
  const std::string& value = value_of(axis, result.coordinates);
  if (is_tokens(axis) && value.size() > max_tokens_in_key) return fmt::format("{}-in-all", result.tokens_global);
  return value;
}

std::vector<std::string> heading_parts(const ReportAxes& axes, const CaseResult& result) {
  std::vector<const ReportAxis*> named;
  for (const ReportAxis& axis : axes) {
    if (!axis.heading.empty() && !is_usual(axis, result.coordinates)) named.push_back(&axis);
  }
  std::stable_sort(named.begin(), named.end(),
                   [](const ReportAxis* a, const ReportAxis* b) { return a->heading_place < b->heading_place; });
  std::vector<std::string> parts;
  for (const ReportAxis* axis : named) parts.push_back(heading_part(*axis, result));
  return parts;
}

std::string case_key(const ReportAxes& axes, const CaseResult& result, const std::set<std::string>& without) {
  std::string key;
  for (const ReportAxis& axis : axes) {
    if (without.contains(axis.name) || is_usual(axis, result.coordinates)) continue;
    key += (key.empty() ? "" : "/") + filled(axis.key, axis_text(axis, result));
  }
  return key;
}

std::vector<int> case_occurrences(const ReportAxes& axes, const std::vector<const CaseResult*>& cases) {
  std::map<std::string, int> seen;
  std::vector<int> occurrences;
  for (const CaseResult* result : cases) occurrences.push_back(++seen[case_key(axes, *result)]);
  return occurrences;
}

std::vector<std::string> unique_case_keys(const ReportAxes& axes, const std::vector<const CaseResult*>& cases,
                                          const std::set<std::string>& without) {
  const std::vector<int> occurrences = case_occurrences(axes, cases);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    keys.push_back(case_key(axes, *cases[i], without));
    if (occurrences[i] > 1) keys.back() += fmt::format("#{}", occurrences[i]);
  }
  return keys;
}

}  // namespace moeperf
