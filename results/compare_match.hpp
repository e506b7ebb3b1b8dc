#pragma once

#include "results/report.hpp"

#include <string>
#include <vector>

namespace moeperf {

struct KeyedCase {
  std::string key;  ///< its coordinates (unique_case_keys)
  const CaseResult* result;
};

struct CasePair {
  std::string key;
  const CaseResult *base, *fresh;
};

/// Which cases of two reports are of the same thing; each case in one list. Points into the reports.
struct MatchedCases {
  std::vector<CasePair> pairs;
  std::vector<KeyedCase> only_in_base, only_in_new;
};

/// By all coordinates first, a report that lacks an axis having its usual value; then, among what is left, by all but
/// dispatcher and kernel where only one case of each report has them, so that two runs with one dispatcher each can be
/// compared.
MatchedCases match_cases(const Report& base, const Report& fresh);

}  // namespace moeperf
