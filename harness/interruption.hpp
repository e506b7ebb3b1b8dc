#pragma once

#include "harness/descriptor.hpp"
#include "harness/ending.hpp"
#include "harness/watch.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <thread>

namespace moeperf {

/// Ends a run that is told to end: SIGTERM (scancel, a job's time limit, mpirun that goes), SIGINT, SIGHUP. The case
/// under way is given up: rank 0 closes the report with the reason at once, whatever the ranks wait for, and ends with
/// exit_failure; the others leave it the time to. While such an object lives; one at a time. Signals that are ignored
/// (nohup) stay ignored.
class Interruption {
 public:
  /// Local. Both outlive it. Throws Error where there is no eventfd.
  Interruption(Watch& watch, Ending& ending, bool is_root);
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  static constexpr std::array signals{SIGTERM, SIGINT, SIGHUP};

 private:
  void wait_for_signal();
  void end(int signal);
  void wait_for_event(double seconds);

  Watch& watch_;
  Ending& ending_;
  const bool is_root_;
  Descriptor event_;  ///< an eventfd, written to by the handler
  std::atomic<bool> stopping_{false};
  std::array<struct sigaction, signals.size()> before_{};
  std::thread thread_;
};

}  // namespace moeperf
