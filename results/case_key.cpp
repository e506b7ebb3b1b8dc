#include "results/case_key.hpp"

#include <fmt/format.h>

#include <map>

namespace moeperf {
namespace {

/// Longest list of tokens that is shown as it is.
constexpr std::size_t max_tokens_text = 24;

/// What a key says of an axis; empty: nothing, since it does not apply or is as usual.
std::string key_part(const CaseResult& result, const CaseAxis& axis) {
  const std::string text = axis_text(result, axis), name = axis.name;
  if (text.empty() || text == "-") return {};
  if (name == "wire" && text == result.dtype) return {};
  if (name == "chunks" && text == "1") return {};
  if (name == "weights" && text == "full") return {};
  const bool is_labelled = name == "tokens" || name == "wire" || name == "chunks" || name == "weights";
  return is_labelled ? name + "=" + text : text;
}

}  // namespace

std::string axis_text(const CaseResult& result, const CaseAxis& axis) {
  const std::string& text = result.*axis.value;
  if (axis.value == &CaseResult::tokens_per_rank && text.size() > max_tokens_text) {
    return fmt::format("{}-in-all", result.tokens_global);
  }
  return text;
}

std::string case_key(const CaseResult& result, const std::set<std::string>& without) {
  std::string key;
  for (const CaseAxis& axis : case_axes) {
    if (without.count(axis.name) != 0) continue;
    const std::string part = key_part(result, axis);
    if (!part.empty()) key += (key.empty() ? "" : "/") + part;
  }
  return key;
}

std::vector<int> case_occurrences(const std::vector<const CaseResult*>& cases) {
  std::map<std::string, int> seen;
  std::vector<int> occurrences;
  for (const CaseResult* result : cases) occurrences.push_back(++seen[case_key(*result)]);
  return occurrences;
}

std::vector<std::string> unique_case_keys(const std::vector<const CaseResult*>& cases,
                                          const std::set<std::string>& without) {
  const std::vector<int> occurrences = case_occurrences(cases);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    keys.push_back(case_key(*cases[i], without));
    if (occurrences[i] > 1) keys.back() += fmt::format("#{}", occurrences[i]);
  }
  return keys;
}

}  // namespace moeperf
