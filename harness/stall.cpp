#include "harness/stall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace moeperf {
namespace {

/// "rank 3", "ranks 3, 8-15"; they ascend.
std::string names(const std::vector<RankState>& states) {
  std::string text = states.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < states.size(); ++i) {
    const std::size_t first = i;
    while (i + 1 < states.size() && states[i + 1].rank == states[i].rank + 1) ++i;
    text += (first == 0 ? "" : ", ") + std::to_string(states[first].rank);
    if (i > first) text += fmt::format("-{}", states[i].rank);
  }
  return text;
}

int num_elsewhere(const Stall& stall) { return stall.num_ranks - static_cast<int>(stall.ranks.size()); }

/// The rank to name a place by: who lives before who does not, who waits too long before who does not, the earliest.
const RankState& where(const Stall& stall) {
  return *std::ranges::min_element(stall.ranks, {},
                                   [](const RankState& s) { return std::tuple(!s.lives, !s.overdue, s.at.sequence); });
}

std::vector<RankState> missing_ranks(const Stall& stall) {
  std::vector<RankState> gone;
  std::map<std::uint64_t, std::vector<RankState>> at_step;
  for (const RankState& state : stall.ranks) {
    if (!state.lives) gone.push_back(state);
    at_step[state.at.sequence].push_back(state);
  }
  return gone.empty() && at_step.size() > 1 ? at_step.begin()->second : gone;
}

/// "did not arrive: …" or that all did.
std::string who(const Stall& stall) {
  if (const auto missing = missing_ranks(stall); !missing.empty()) {
    const RankState& first = missing.front();
    return fmt::format("did not arrive: {} on {} ", names(missing), stall.host) +
           (!first.lives
                ? "(no answer: stopped or ended)"
                : fmt::format("(still in {}, {:.0f} s{})", first.at.place, first.waited_s,
                              num_elsewhere(stall) == 0 || !first.overdue ? "" : "; may itself wait for other nodes"));
  }
  if (stall.num_ranks == 1) return fmt::format("did not finish: rank 0 on {}", stall.host);
  const int others = num_elsewhere(stall);
  const std::string whom = others == 0 ? "" : fmt::format(", waiting for other nodes (ranks: {})", others);
  return fmt::format("arrived: {} on {}, all of that node{}; stuck, or taking longer than the limit",
                     names(stall.ranks), stall.host, whom);
}

}  // namespace

std::string stall_reason(const Stall& stall) {
  const Watch::View at = where(stall).at;
  return fmt::format("stalled for more than {} s in {}: {}", stall.limits.of(at.step), at.place, who(stall));
}

std::string stall_message(const Stall& stall) {
  const Watch::View at = where(stall).at;
  const bool none_missing = missing_ranks(stall).empty();
  if (none_missing && stall.ranks.front().rank != 0) return fmt::format("moeperf: in {}: {}\n", at.place, who(stall));
  std::string text = fmt::format("moeperf: stalled: no progress within the limit ({} s, {}) in {}\nmoeperf: {}\n",
                                 stall.limits.of(at.step), TimeLimits::option_of(at.step), at.place, who(stall));
  if (none_missing) return text;
  std::map<std::pair<bool, std::uint64_t>, std::vector<RankState>> together;
  for (const RankState& state : stall.ranks) together[{state.lives, state.at.sequence}].push_back(state);
  for (const auto& [key, states] : together)
    text += fmt::format("moeperf: {} on {}: {}in {}\n", names(states), stall.host, key.first ? "" : "last ",
                        states.front().at.place);
  return text;
}

}  // namespace moeperf
