#pragma once

#include "tests/comm/exchange_case.hpp"

#include <vector>

namespace moeperf::test {

/// What every dispatcher must get right, at any number of ranks.
inline std::vector<ExchangeCase> all_cases() {
  using Tokens = std::function<std::int64_t(int, int)>;
  const Tokens some = [](int, int) { return 13; };
  const Tokens growing = [](int rank, int) { return 5 + 3 * rank; };
  const Tokens gaps = [](int rank, int) { return rank % 2 == 0 ? 0 : 9; };
  const Tokens only_last = [](int rank, int num_ranks) { return rank == num_ranks - 1 ? 17 : 0; };
  const Tokens nowhere = [](int, int) { return 0; };
  const Tokens many = [](int, int) { return 96; };
  std::vector<ExchangeCase> cases;
  auto add = [&](const char* name, std::int32_t experts, std::int32_t top_k, const Tokens& tokens) -> ExchangeCase& {
    ExchangeCase spec;
    spec.name = name;
    spec.num_experts = experts;
    spec.top_k = top_k;
    spec.tokens = tokens;
    spec.number = cases.size();
    cases.push_back(spec);
    return cases.back();
  };
  add("experts divide evenly", 40, 4, some);
  add("experts divide unevenly", 13, 3, growing);
  add("fewer experts than ranks", 3, 2, growing);
  add("one expert", 1, 1, growing);
  add("ranks without tokens", 16, 4, gaps);
  add("all tokens on one rank", 16, 4, only_last);
  add("no tokens at all", 8, 2, nowhere);
  add("every expert chosen", 11, 11, growing);
  add("one expert takes all", 9, 2, growing).hot_expert = 7;
  add("many copies dropped", 16, 4, growing).drop_percent = 60;
  add("all copies dropped", 16, 4, growing).drop_percent = 100;
  add("long rows", 16, 2, many).hidden = 4096;
  add("rows of one element", 16, 2, many).hidden = 1;
  return cases;
}

}  // namespace moeperf::test
