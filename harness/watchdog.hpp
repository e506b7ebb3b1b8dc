#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/ending.hpp"
#include "harness/side_channel.hpp"
#include "harness/stall.hpp"
#include "harness/time_limits.hpp"
#include "harness/watch.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace moeperf {

/// Ends a run whose ranks wait for each other in vain. One thread a rank sleeps until its main thread has been in
/// one step (see Watch) for longer than the limit, and then tells rank 0's. That asks every rank where it is, says
/// on stderr which ones did not arrive, records the reason and tells those that answered; then all end together with
/// exit_failure, since a launcher that sees one end may kill the others with another status. Where rank 0 does not
/// answer, the others say so and end.
///
/// A limit holds for each step by itself: waiting for the other ranks before a part, and the part. A run that was
/// suspended as a whole is not stalled.
class Watchdog {
 public:
  /// Collective. `watch` and `ending` outlive it. Throws UserError on all ranks where one cannot listen.
  Watchdog(const Communicator& comm, const Watch& watch, const TimeLimits& limits, Ending& ending);
  ~Watchdog();  ///< local
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  struct Peer {
    std::string host, contact;
    bool on_this_node = false;
  };

  void exchange_contacts(const Communicator& comm);
  void keep_watch();
  bool serve(double seconds);
  std::string answer(const std::string& question);
  double limit_of(Step step) const;
  double shortest_limit() const;
  double seconds_to_next_look() const;
  RankState own_state() const;
  std::optional<std::string> ask_rank(int rank, const std::string& question) const;

  void tell_rank_0();
  void call_the_roll();
  /// Rank 0: what the other ranks answer, those that do, in rank order.
  std::vector<std::optional<std::string>> ask_all(const std::function<std::string()>& question);
  std::vector<RankState> everybodys_state();
  void leave_together();

  const Watch& watch_;
  const TimeLimits limits_;
  Ending& ending_;
  const int rank_;
  std::string token_;
  std::optional<SideChannel> channel_;
  std::vector<Peer> peers_;  ///< rank 0: all ranks; others: rank 0 only
  Descriptor wake_;          ///< an eventfd: the thread has to look
  std::atomic<bool> stopping_{false};
  // The thread's own:
  double end_at_s_ = 0;            ///< rank 0 has closed the run: when to end; 0: not yet
  double counts_from_s_ = 0;       ///< time in a step before this does not count: the process was stopped
  std::map<int, RankState> told_;  ///< rank 0: overdue ranks that said so
  std::thread thread_;
};

}  // namespace moeperf
