#pragma once

#include "harness/heartbeat_table.hpp"
#include "harness/interruption.hpp"
#include "harness/stall.hpp"

#include <atomic>
#include <functional>
#include <string>
#include <thread>

namespace moeperf {

/// Lines on stderr by themselves: a progress line of a terminal makes way. One write, so that lines of several ranks do
/// not mix. Any thread.
void say(const std::string& lines);

/// Ends a run that cannot go on, by another thread than the main one, which waits in MPI or computes.
///
/// A run whose ranks wait for each other in vain: the thread sleeps until a rank has been in one step (see Watch) for
/// longer than the limit. The lowest rank of the node whose process is there and not stopped then says on stderr which
/// ranks of the node did not arrive, and all end with exit_failure; rank 0 records the reason. Nothing goes from node
/// to node: each names its own ranks, and where all of those wait it says so. Other nodes leave rank 0's the time to
/// close the report, since a launcher that sees one rank end may kill the others. A limit holds for each step by
/// itself: waiting for the other ranks before a part, and the part. A run that was suspended as a whole is not stalled.
///
/// A run that is told to end (Interruption): the case under way is given up. Rank 0 records the reason at once,
/// whatever the ranks wait for, and ends with exit_failure; the others leave it the time to.
class Watchdog {
 public:
  /// Adds why the run ended to what is kept of it (on rank 0; elsewhere nothing). Called by the watching thread, the
  /// main thread being stopped for good in a step: it may use what the main thread uses outside of the cases. What it
  /// throws is printed.
  using Record = std::function<void(const std::string& reason)>;

  /// Local. `table`, whose own watch the main thread writes, outlives it.
  Watchdog(const HeartbeatTable& table, int num_ranks, const TimeLimits& limits, Record record);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void keep_watch();
  bool doze(double until_s);
  double next_look_s() const;
  RankState state_of(std::size_t i) const;
  void look();
  void end_by(int signal);
  void close(const std::string& message, const std::string& reason);

  const HeartbeatTable& table_;
  Heartbeat& own_;
  const bool is_root_;
  const int num_ranks_;
  const TimeLimits limits_;
  const Record record_;
  double looked_s_ = 0;  ///< when ranks were overdue last, but left to another rank of the node
  std::atomic<bool> stopping_{false};
  std::thread thread_;
  const Interruption interruption_;
};

}  // namespace moeperf
