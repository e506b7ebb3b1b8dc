#include "harness/stall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace moeperf {
namespace {

/// "rank 3", "ranks 3, 8-15"; they ascend.
std::string name_ranks(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const std::size_t first = i;
    while (i + 1 < ranks.size() && ranks[i + 1] == ranks[i] + 1) ++i;
    text += (first == 0 ? "" : ", ") + std::to_string(ranks[first]);
    if (i > first) text += fmt::format("-{}", ranks[i]);
  }
  return text;
}

bool is_alone(const Stall& stall) { return static_cast<int>(stall.ranks.size()) == stall.num_ranks; }

/// Where it stalls: the earliest step that a rank waits in too long.
const RankState& where(const Stall& stall) {
  const auto order = [](const RankState& s) { return std::tuple(!s.lives, !s.overdue, s.at.sequence); };
  return *std::min_element(stall.ranks.begin(), stall.ranks.end(),
                           [&](const RankState& a, const RankState& b) { return order(a) < order(b); });
}

std::vector<RankState> missing_ranks(const Stall& stall) {
  std::vector<RankState> missing = stall.ranks;
  std::erase_if(missing, [](const RankState& state) { return state.lives; });
  if (!missing.empty()) return missing;
  const auto [first, last] =
      std::minmax_element(stall.ranks.begin(), stall.ranks.end(),
                          [](const RankState& a, const RankState& b) { return a.at.sequence < b.at.sequence; });
  if (first->at.sequence == last->at.sequence) return {};
  missing = stall.ranks;
  std::erase_if(missing,
                [&, earliest = first->at.sequence](const auto& state) { return state.at.sequence > earliest; });
  return missing;
}

std::vector<int> numbers(const std::vector<RankState>& states) {
  std::vector<int> ranks;
  for (const RankState& state : states) ranks.push_back(state.rank);
  return ranks;
}

/// "did not arrive: …" or that all did.
std::string who(const Stall& stall) {
  const std::vector<int> own = numbers(stall.ranks);
  if (const auto missing = missing_ranks(stall); !missing.empty()) {
    const RankState& first = missing.front();
    const bool may_wait = !is_alone(stall) && first.overdue;
    return fmt::format("did not arrive: {} on {} ", name_ranks(numbers(missing)), stall.host) +
           (first.lives ? fmt::format("(still in {}, {:.0f} s{})", first.at.place, first.waited_s,
                                      may_wait ? "; may itself wait for other nodes" : "")
                        : "(no answer: stopped or ended)");
  }
  if (stall.num_ranks == 1) return fmt::format("did not finish: rank 0 on {}", stall.host);
  const bool at_work = TimeLimits::is_preparation(where(stall).at.step);
  if (is_alone(stall)) {
    return fmt::format("all {} ranks {}", stall.num_ranks,
                       at_work ? "are still at it: it is stuck, or takes longer than the limit"
                               : "arrived, none finishes: the exchange itself is stuck");
  }
  std::vector<int> elsewhere;
  for (int rank = 0; rank < stall.num_ranks; ++rank) {
    if (!std::binary_search(own.begin(), own.end(), rank)) elsewhere.push_back(rank);
  }
  return fmt::format("{} on {}, all of that node, {} wait for other nodes ({}), or {}", name_ranks(own), stall.host,
                     at_work ? "are still at it:" : "arrived and", name_ranks(elsewhere),
                     at_work ? "take longer than the limit" : "the exchange itself is stuck");
}

}  // namespace

std::string stall_reason(const Stall& stall) {
  const Watch::View at = where(stall).at;
  return fmt::format("stalled for more than {} s in {}: {}", stall.limits.of(at.step), at.place, who(stall));
}

std::string stall_message(const Stall& stall) {
  const Watch::View at = where(stall).at;
  const std::vector<int> missing = numbers(missing_ranks(stall));
  if (missing.empty() && stall.ranks.front().rank != 0)
    return fmt::format("moeperf: {}, in {}\n", who(stall), at.place);
  std::string text = fmt::format("moeperf: stalled: no progress within the limit ({} s, {}) in {}\nmoeperf: {}\n",
                                 stall.limits.of(at.step), TimeLimits::option_of(at.step), at.place, who(stall));
  if (missing.empty()) return text;
  std::map<std::uint64_t, std::vector<RankState>> waiting;
  for (const RankState& state : stall.ranks) {
    const bool is_missing = std::binary_search(missing.begin(), missing.end(), state.rank);
    if (!is_missing) waiting[state.at.sequence].push_back(state);
    if (is_missing && !state.lives)
      text += fmt::format("moeperf: rank {} was last in {}\n", state.rank, state.at.place);
  }
  for (const auto& [sequence, states] : waiting) {
    text += fmt::format("moeperf: waiting: {} of {} ranks{} in {}\n", states.size(), stall.ranks.size(),
                        is_alone(stall) ? "" : " on " + stall.host, states.front().at.place);
  }
  return text;
}

}  // namespace moeperf
