#include "results/compare_match.hpp"

#include "results/case_key.hpp"

#include <functional>
#include <map>

namespace moeperf {
namespace {

std::vector<KeyedCase> keyed(const ReportAxes& axes, const Report& report) {
  std::vector<const CaseResult*> results;
  for (const CaseResult& result : report.cases) results.push_back(&result);
  const std::vector<std::string> keys = unique_case_keys(axes, results);
  std::vector<KeyedCase> cases;
  for (std::size_t i = 0; i < results.size(); ++i) cases.push_back({keys[i], results[i]});
  return cases;
}

using KeyOf = std::function<std::string(const KeyedCase&)>;

/// Moves the cases whose key one case of each list has, and no other, to the pairs.
void pair_up(MatchedCases& matched, const KeyOf& key_of) {
  std::map<std::string, std::vector<const KeyedCase*>> in_base, in_new;
  for (const KeyedCase& c : matched.only_in_base) in_base[key_of(c)].push_back(&c);
  for (const KeyedCase& c : matched.only_in_new) in_new[key_of(c)].push_back(&c);
  const auto is_paired = [&](const KeyedCase& c) {
    const std::string key = key_of(c);
    return in_base[key].size() == 1 && in_new[key].size() == 1;
  };
  MatchedCases rest;
  for (const KeyedCase& c : matched.only_in_new) {
    if (is_paired(c)) {
      matched.pairs.push_back({c.key, in_base[key_of(c)].front()->result, c.result});
    } else {
      rest.only_in_new.push_back(c);
    }
  }
  for (const KeyedCase& c : matched.only_in_base) {
    if (!is_paired(c)) rest.only_in_base.push_back(c);
  }
  matched.only_in_base = std::move(rest.only_in_base);
  matched.only_in_new = std::move(rest.only_in_new);
}

}  // namespace

MatchedCases match_cases(const Report& base, const Report& fresh) {
  const ReportAxes axes = joined(base.header().axes, fresh.header().axes);
  MatchedCases matched{{}, keyed(axes, base), keyed(axes, fresh)};
  pair_up(matched, [](const KeyedCase& c) { return c.key; });
  pair_up(matched, [&](const KeyedCase& c) { return case_key(axes, *c.result, {"dispatcher", "kernel"}); });
  return matched;
}

}  // namespace moeperf
