#pragma once

#include "harness/time_limits.hpp"
#include "harness/watch.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// What a node knows of one of its ranks.
struct RankState {
  int rank = 0;
  Watch::View at;
  bool lives = true;     ///< its process is there and not stopped
  double waited_s = 0;   ///< in its step
  bool overdue = false;  ///< for longer than the step's limit
};

/// What a node knows of a run that stalls. The ranks that did not arrive are those whose processes are stopped or gone,
/// if any: who waits for them may be in different steps. Else those in the earliest step, unless that is all of them:
/// nobody of this node then.
struct Stall {
  TimeLimits limits;
  std::string host;
  int num_ranks = 1;             ///< of the run
  std::vector<RankState> ranks;  ///< the node's, ascending; one at least lives
};

/// One line for the report's status: where, and who did not arrive.
std::string stall_reason(const Stall& stall);
/// For stderr: the same, and where each is; one line from a node without rank 0 where all wait. Lines end in
/// '\n'.
std::string stall_message(const Stall& stall);

}  // namespace moeperf
