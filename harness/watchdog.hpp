#pragma once

#include "harness/heartbeat_table.hpp"
#include "harness/stall.hpp"

#include <array>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

namespace moeperf {

/// Ends a run that cannot go on, with exit_failure, by another thread than the main one, which waits in MPI or
/// computes.
///
/// A run whose ranks wait for each other in vain: the thread sleeps until its rank has been in one step (see Watch) for
/// longer than the limit. The first on a node says on stderr which of the node's ranks did not arrive, rank 0 records
/// it, and all end. Nothing goes from node to node: where all ranks of one wait, it says so. Other nodes leave rank 0's
/// the time to close the report, since a launcher that sees one rank end may kill the others. A limit holds for each
/// step by itself: waiting for the other ranks before a part, and the part; between two cases that of preparation.
/// Suspended as a whole, a run is not stalled.
///
/// A run that is told to end by SIGTERM (scancel, a job's time limit, mpirun that goes), SIGINT or SIGHUP, unless it
/// ignores them (nohup): the case under way is given up. Rank 0 records the reason at once, whatever the ranks wait
/// for; the others leave it the time to.
class Watchdog {
 public:
  /// Adds why the run ended to what is kept of it (on rank 0; elsewhere nothing). Called by the watching thread, the
  /// main thread being stopped for good in a step: it may use what the main thread uses outside of the cases. What it
  /// throws is printed.
  using Record = std::function<void(const std::string& reason)>;
  static constexpr std::array signals{SIGTERM, SIGINT, SIGHUP};

  /// Local; one at a time. `table`, whose own watch the main thread writes, outlives it.
  Watchdog(const HeartbeatTable& table, int num_ranks, const TimeLimits& limits, Record record);
  ~Watchdog();

 private:
  void keep_watch();
  void doze(double seconds);
  RankState state_of(std::size_t place) const;
  void end_stalled();
  void end_by(int signal);
  bool stop_main_thread();
  void record(const std::string& reason);

  const HeartbeatTable& table_;
  Heartbeat& own_;
  const bool is_root_;
  const int num_ranks_;
  const TimeLimits limits_;
  const Record record_;
  std::array<struct sigaction, signals.size()> before_{};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace moeperf
