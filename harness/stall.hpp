#pragma once

#include "harness/time_limits.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moeperf {

/// One rank's answer to "where are you?".
struct RankState {
  int rank = 0;
  std::uint64_t sequence = 0;  ///< equal numbers: the same step (see Watch)
  bool overdue = false;        ///< has been in this step for longer than its limit
  double waited_s = 0;         ///< in this step
  Step step = Step::prepare;
  std::string place;  ///< the step in words, one line
};

/// The answer as one line without line end, and back; nothing for what is no answer.
std::string to_line(const RankState& state);
std::optional<RankState> parse_rank_state(std::string_view line);

/// What is known once every rank was asked.
struct Stall {
  TimeLimits limits;
  std::vector<std::string> hosts;  ///< of each rank
  std::vector<RankState> answers;  ///< any order; at most one per rank, not empty
};

/// The ranks that the others wait for. Those that do not answer, if any: their process is stopped or gone,
/// and who waits for them may be in different steps. Else those in the earliest step, unless that is all of
/// them: nobody then, the exchange itself is stuck.
struct Missing {
  std::vector<int> ranks;
  bool silent = false;
};
Missing missing_ranks(const Stall& stall);

/// "rank 3 on n1", "ranks 8-15, 17 on n2, rank 40 on n5"; `ranks` ascend. Not more than eight hosts by name.
std::string ranks_by_host(const std::vector<int>& ranks, const std::vector<std::string>& hosts);

/// One line for the report's status.
std::string stall_reason(const Stall& stall);
/// For stderr: where, who did not arrive, where the others wait. Lines end with '\n'.
std::string stall_message(const Stall& stall);
/// The same from a rank that rank 0 does not answer.
std::string lost_root_message(const RankState& own, const std::string& root_host, const TimeLimits& limits);

}  // namespace moeperf
