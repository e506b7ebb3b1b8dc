#include "harness/stall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

namespace moeperf {
namespace {

std::string headline(const RankState& where, const TimeLimits& limits) {
  return fmt::format("moeperf: stalled: no progress within the limit ({} s, {}) in {}\n", limits.of(where.step),
                     TimeLimits::option_of(where.step), where.place);
}

constexpr const char* no_answer = " (no answer: stopped, ended or cut off)";

const RankState& earliest(const Stall& stall) {
  return *std::min_element(stall.answers.begin(), stall.answers.end(),
                           [](const RankState& a, const RankState& b) { return a.sequence < b.sequence; });
}

/// "3, 8-15".
std::string as_ranges(const std::vector<int>& ranks) {
  std::string text;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const std::size_t first = i;
    while (i + 1 < ranks.size() && ranks[i + 1] == ranks[i] + 1) ++i;
    text += (text.empty() ? "" : ", ") + std::to_string(ranks[first]);
    if (i > first) text += fmt::format("-{}", ranks[i]);
  }
  return text;
}

/// Where it stalls: the earliest step that a rank waits in too long.
const RankState& where(const Stall& stall) {
  const RankState* found = nullptr;
  for (const RankState& state : stall.answers) {
    if (state.overdue && (found == nullptr || state.sequence < found->sequence)) found = &state;
  }
  return found != nullptr ? *found : earliest(stall);
}

/// "did not arrive: …" or that all did.
std::string who(const Stall& stall) {
  const Missing missing = missing_ranks(stall);
  const std::size_t num_ranks = stall.hosts.size();
  if (missing.ranks.empty() && num_ranks == 1) return "did not finish: " + ranks_by_host({0}, stall.hosts);
  if (missing.ranks.empty()) {
    const Step step = where(stall).step;
    if (step == Step::prepare || step == Step::verify) {
      return fmt::format("all {} ranks are still at it: it is stuck, or takes longer than the limit", num_ranks);
    }
    return fmt::format("all {} ranks arrived, none finishes: the exchange itself is stuck", num_ranks);
  }
  const std::string ranks = "did not arrive: " + ranks_by_host(missing.ranks, stall.hosts);
  if (missing.silent) return ranks + no_answer;
  const RankState& behind = earliest(stall);
  return fmt::format("{} (still in {}, {:.0f} s)", ranks, behind.place, behind.waited_s);
}

}  // namespace

std::string to_line(const RankState& state) {
  return fmt::format("{} {} {} {:.3f} {} {}", state.rank, state.sequence, state.overdue ? 1 : 0, state.waited_s,
                     static_cast<int>(state.step), state.place);
}

std::optional<RankState> parse_rank_state(std::string_view line) {
  std::istringstream in{std::string(line)};
  RankState state;
  int overdue = 0, step = 0;
  if (!(in >> state.rank >> state.sequence >> overdue >> state.waited_s >> step)) return std::nullopt;
  if (step < 0 || step > static_cast<int>(Step::verify)) return std::nullopt;
  if (state.rank < 0 || overdue < 0 || overdue > 1 || !std::isfinite(state.waited_s)) return std::nullopt;
  if (in.get() != ' ' || !std::getline(in, state.place) || state.place.empty()) return std::nullopt;
  state.overdue = overdue == 1;
  state.step = static_cast<Step>(step);
  return state;
}

Missing missing_ranks(const Stall& stall) {
  std::vector<const RankState*> by_rank(stall.hosts.size(), nullptr);
  for (const RankState& state : stall.answers) {
    if (state.rank < static_cast<int>(by_rank.size())) by_rank[static_cast<std::size_t>(state.rank)] = &state;
  }
  Missing silent{{}, true}, behind;
  const std::uint64_t first = earliest(stall).sequence;
  for (std::size_t rank = 0; rank < by_rank.size(); ++rank) {
    if (by_rank[rank] == nullptr) {
      silent.ranks.push_back(static_cast<int>(rank));
    } else if (by_rank[rank]->sequence == first) {
      behind.ranks.push_back(static_cast<int>(rank));
    }
  }
  if (!silent.ranks.empty()) return silent;
  if (behind.ranks.size() == by_rank.size()) behind.ranks.clear();
  return behind;
}

std::string ranks_by_host(const std::vector<int>& ranks, const std::vector<std::string>& hosts) {
  std::vector<std::pair<std::string, std::vector<int>>> groups;  // in order of the lowest rank
  std::map<std::string, std::size_t> group_of;
  for (const int rank : ranks) {
    const std::string& host = hosts[static_cast<std::size_t>(rank)];
    const auto [place, is_new] = group_of.emplace(host, groups.size());
    if (is_new) groups.emplace_back(host, std::vector<int>{});
    groups[place->second].second.push_back(rank);
  }
  constexpr std::size_t most_hosts = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(groups.size(), most_hosts); ++i) {
    const auto& [host, members] = groups[i];
    text += fmt::format("{}{} {} on {}", i == 0 ? "" : ", ", members.size() == 1 ? "rank" : "ranks", as_ranges(members),
                        host);
  }
  if (groups.size() <= most_hosts) return text;
  std::size_t rest = 0;
  for (std::size_t i = most_hosts; i < groups.size(); ++i) rest += groups[i].second.size();
  return text + fmt::format(" and {} more on {} hosts", rest, groups.size() - most_hosts);
}

std::string stall_reason(const Stall& stall) {
  const RankState& place = where(stall);
  return fmt::format("stalled for more than {} s in {}: {}", stall.limits.of(place.step), place.place, who(stall));
}

std::string stall_message(const Stall& stall) {
  std::string text = headline(where(stall), stall.limits);
  text += fmt::format("moeperf: {}\n", who(stall));
  std::map<std::uint64_t, std::pair<std::size_t, std::string>> waiting;  // how many, and where
  const Missing missing = missing_ranks(stall);
  for (const RankState& state : stall.answers) {
    if (std::binary_search(missing.ranks.begin(), missing.ranks.end(), state.rank)) continue;
    auto& [count, place] = waiting[state.sequence];
    ++count;
    place = state.place;
  }
  if (missing.ranks.empty()) return text;
  constexpr std::size_t most_places = 4;
  std::size_t shown = 0;
  for (const auto& [sequence, group] : waiting) {
    if (++shown > most_places) break;
    text += fmt::format("moeperf: waiting: {} of {} ranks in {}\n", group.first, stall.hosts.size(), group.second);
  }
  if (waiting.size() > most_places) {
    text += fmt::format("moeperf: waiting: others in {} later steps\n", waiting.size() - most_places);
  }
  return text;
}

std::string lost_root_message(const RankState& own, const std::string& root_host, const TimeLimits& limits) {
  return headline(own, limits) +
         fmt::format("moeperf: did not arrive: rank 0 on {}{}, says rank {}\n", root_host, no_answer, own.rank);
}

}  // namespace moeperf
