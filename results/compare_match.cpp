#include "results/compare_match.hpp"

#include <fmt/format.h>

#include <functional>
#include <map>

namespace moeperf {
namespace {

std::string coordinates(const CaseResult& result, const std::string& dispatcher, const std::string& kernel) {
  std::string key = result.benchmark;
  for (const std::string& part :
       {result.workload, result.phase_kind, result.scheme, dispatcher, kernel, result.dtype}) {
    if (part != "-") key += "/" + part;
  }
  key += fmt::format("/tokens={}", result.tokens_per_rank);
  if (!result.traffic.empty()) key += "/" + result.traffic;
  if (result.wire != "-" && result.wire != result.dtype) key += "/wire=" + result.wire;
  if (result.chunks != "1") key += "/chunks=" + result.chunks;
  return result.expert_weights == "full" ? key : key + "/" + result.expert_weights;
}

std::string exact(const CaseResult& result) { return coordinates(result, result.dispatcher, result.kernel); }
std::string loose(const CaseResult& result) { return coordinates(result, "-", "-"); }

/// A second case of the same coordinates is told apart by its number.
std::vector<KeyedCase> keyed(const Report& report) {
  std::map<std::string, int> seen;
  std::vector<KeyedCase> cases;
  for (const CaseResult& result : report.cases) {
    const std::string key = exact(result);
    const int count = ++seen[key];
    cases.push_back({count == 1 ? key : fmt::format("{}#{}", key, count), &result});
  }
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
  MatchedCases matched{{}, keyed(base), keyed(fresh)};
  pair_up(matched, [](const KeyedCase& c) { return c.key; });
  pair_up(matched, [](const KeyedCase& c) { return loose(*c.result); });
  return matched;
}

}  // namespace moeperf
