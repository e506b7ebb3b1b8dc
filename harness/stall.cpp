#include "harness/stall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace moeperf {
namespace {

/// "rank 3", "ranks 3, 8-15"; they ascend.
std::string names(const std::vector<int>& ranks) {
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

/// The rank to name a place by: who lives before who does not, who waits too long before who does not, the earliest.
const RankState& where(const Stall& stall) {
  const auto order = [](const RankState& s) { return std::tuple(!s.lives, !s.overdue, s.at.sequence); };
  return *std::min_element(stall.ranks.begin(), stall.ranks.end(),
                           [&](const RankState& a, const RankState& b) { return order(a) < order(b); });
}

std::vector<int> missing_ranks(const Stall& stall) {
  std::vector<int> gone, behind;
  const auto [first, last] =
      std::minmax_element(stall.ranks.begin(), stall.ranks.end(),
                          [](const RankState& a, const RankState& b) { return a.at.sequence < b.at.sequence; });
  for (const RankState& state : stall.ranks) {
    if (!state.lives) gone.push_back(state.rank);
    if (state.at.sequence == first->at.sequence && first->at.sequence < last->at.sequence) behind.push_back(state.rank);
  }
  return gone.empty() ? behind : gone;
}

/// "did not arrive: …" or that all did.
std::string who(const Stall& stall) {
  const auto is_missing = [missing = missing_ranks(stall)](const RankState& state) {
    return std::binary_search(missing.begin(), missing.end(), state.rank);
  };
  const auto first = std::find_if(stall.ranks.begin(), stall.ranks.end(), is_missing);
  if (first != stall.ranks.end()) {
    return fmt::format("did not arrive: {} on {} ", names(missing_ranks(stall)), stall.host) +
           (!first->lives ? "(no answer: stopped or ended)"
                          : fmt::format("(still in {}, {:.0f} s{})", first->at.place, first->waited_s,
                                        is_alone(stall) || !first->overdue ? "" : "; may itself wait for other nodes"));
  }
  if (stall.num_ranks == 1) return fmt::format("did not finish: rank 0 on {}", stall.host);
  const bool at_work = TimeLimits::is_preparation(where(stall).at.step);
  if (is_alone(stall)) {
    return fmt::format("all {} ranks {}", stall.num_ranks,
                       at_work ? "are still at it: it is stuck, or takes longer than the limit"
                               : "arrived, none finishes: the exchange itself is stuck");
  }
  std::vector<int> own, elsewhere;
  for (const RankState& state : stall.ranks) own.push_back(state.rank);
  for (int rank = 0; rank < stall.num_ranks; ++rank) {
    if (!std::binary_search(own.begin(), own.end(), rank)) elsewhere.push_back(rank);
  }
  return fmt::format("{}: {} on {}, all of that node, waiting for other nodes ({}), or {}",
                     at_work ? "still at it" : "arrived", names(own), stall.host, names(elsewhere),
                     at_work ? "taking longer than the limit" : "in an exchange that is itself stuck");
}

}  // namespace

std::string stall_reason(const Stall& stall) {
  const Watch::View at = where(stall).at;
  return fmt::format("stalled for more than {} s in {}: {}", stall.limits.of(at.step), at.place, who(stall));
}

std::string stall_message(const Stall& stall) {
  const Watch::View at = where(stall).at;
  const std::vector<int> missing = missing_ranks(stall);
  if (missing.empty() && stall.ranks.front().rank != 0)
    return fmt::format("moeperf: in {}: {}\n", at.place, who(stall));
  std::string text = fmt::format("moeperf: stalled: no progress within the limit ({} s, {}) in {}\nmoeperf: {}\n",
                                 stall.limits.of(at.step), TimeLimits::option_of(at.step), at.place, who(stall));
  std::map<std::uint64_t, std::vector<const RankState*>> waiting;
  for (const RankState& state : stall.ranks) {
    if (!std::binary_search(missing.begin(), missing.end(), state.rank)) waiting[state.at.sequence].push_back(&state);
    if (!state.lives) text += fmt::format("moeperf: rank {} was last in {}\n", state.rank, state.at.place);
  }
  if (missing.empty()) return text;
  for (const auto& [sequence, states] : waiting) {
    text += fmt::format("moeperf: waiting: {} of {} ranks{} in {}\n", states.size(), stall.ranks.size(),
                        is_alone(stall) ? "" : " on " + stall.host, states.front()->at.place);
  }
  return text;
}

}  // namespace moeperf
