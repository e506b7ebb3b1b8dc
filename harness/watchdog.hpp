#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/side_channel.hpp"
#include "harness/stall.hpp"
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
/// on stderr which ones did not arrive, records the reason and ends the process with exit_failure; the launcher or,
/// after a while, they themselves end the others. Where rank 0 does not answer, the others say so and end.
///
/// The limit holds for each step by itself: waiting for the other ranks before a phase, and the phase. Preparation
/// and verification may take `slow_factor` times as long. A run that was suspended as a whole is not stalled.
class Watchdog {
 public:
  static constexpr double slow_factor = 20;
  /// Called on rank 0 by the watchdog's thread, the main thread being stopped for good in a step: it may use what
  /// the main thread uses outside of the cases. What it throws is printed.
  using Record = std::function<void(const std::string& reason)>;

  /// Collective. `watch` outlives it. Throws UserError on all ranks where one cannot listen.
  Watchdog(const Communicator& comm, Watch& watch, double limit_s, Record record);
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
  double seconds_to_next_look() const;
  RankState own_state() const;
  std::optional<std::string> ask_rank(int rank, const std::string& question) const;

  void tell_rank_0();
  void call_the_roll();
  std::vector<RankState> everybodys_state();
  void record_reason(const std::string& reason);

  Watch& watch_;
  const double limit_s_;
  const Record record_;
  const int rank_;
  std::string token_;
  std::optional<SideChannel> channel_;
  std::vector<Peer> peers_;  ///< rank 0: all ranks; others: rank 0 only
  Descriptor wake_;          ///< an eventfd: the thread has to look
  std::atomic<bool> stopping_{false};
  // The thread's own:
  double counts_from_s_ = 0;       ///< time in a step before this does not count: the process was stopped
  std::map<int, RankState> told_;  ///< rank 0: overdue ranks that said so
  std::thread thread_;
};

}  // namespace moeperf
