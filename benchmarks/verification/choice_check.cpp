#include "benchmarks/verification/choice_check.hpp"

#include <algorithm>

namespace moeperf {
namespace {

constexpr std::int64_t flop_budget = 100'000'000;
constexpr std::int64_t sample_item = 1;

template <class Values>
bool same_part(const Values& part, const Values& whole, std::size_t at) {
  return at + part.size() <= whole.size() &&
         std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

void check_choice(Checker& checker, const Problem& problem, const GateState& state, ConstRows x,
                  const Routing& chosen) {
  const ModelShape& model = problem.workload().model;
  const std::int64_t flop_per_token = 2 * model.hidden * model.gate.num_experts;
  const std::int64_t wanted = std::max<std::int64_t>(4, flop_budget / flop_per_token);
  auto gate = problem.backends().reference().make_gate(model.gate, model.hidden);
  for (const std::int64_t token : sample_rows(problem.seed(), sample_item, x.num_rows(), wanted)) {
    Routing expected;
    gate->forward(x.slice(token, 1), state, nullptr, expected);
    const std::size_t at = static_cast<std::size_t>(token * model.gate.top_k);
    checker.same(same_part(expected.topk_idx, chosen.topk_idx, at) &&
                 same_part(expected.topk_weights, chosen.topk_weights, at));
  }
}

}  // namespace moeperf
