#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace moeperf {

/// What the ranks do together, one after the other, in a case.
enum class Step : std::uint8_t {
  prepare,  ///< allocation, weights, balancing steps: may rightly take minutes
  between,  ///< what a benchmark does around its samples
  align,    ///< waiting for the other ranks before a timed part
  run,      ///< the timed part
  agree,    ///< ranks compare and gather their times
  rerun,    ///< the parts once more, for verification
  verify,   ///< comparison with the reference: may rightly take minutes
};

/// Where a rank's main thread is. It says so itself; another thread may look, and may stop it for good. All
/// ranks go through the same steps, so equal sequence numbers mean the same step.
///
/// Entering a step costs a look at the clock, three stores and a compare-and-swap that nobody contends for; no
/// lock, no allocation, no system call: it stands right outside what is timed.
class Watch {
 public:
  /// What another thread sees. Read while the main thread moves on, `start_s` and `place` may already be of the
  /// next step: never too old, so that a rank that moves never looks like one that waits.
  struct View {
    std::uint64_t sequence = 0;
    bool inside = false;  ///< in a step; else outside of all cases
    Step step = Step::prepare;
    double start_s = 0;  ///< on this rank's clock (now_s)
    std::string place;   ///< for people
  };

  /// Main thread: the steps to come belong to this case.
  void start_case(const std::string& id);
  /// Names of the parts that enter() numbers.
  void name_parts(std::vector<std::string> parts);
  /// Main thread: goes on to `step`. Does not return once another thread has seized the watch.
  void enter(Step step, std::size_t part = 0, std::int64_t sample = 0, bool warm_up = false);
  /// Main thread: the case is over. As enter().
  void leave();

  View view() const;
  /// Another thread: if the main thread is inside a step, it will never leave it. From then on all that the
  /// main thread wrote before the step may be used by the caller, who must end the process.
  bool seize();

 private:
  enum State : std::uint64_t { outside = 0, inside = 1, seized = 2 };  ///< lowest bits of state_
  void move_to(State next);
  std::string place_of(std::uint64_t position, bool is_inside) const;

  std::atomic<std::uint64_t> state_{outside};  ///< sequence * 4 + State
  std::atomic<std::uint64_t> position_{0};     ///< sample * 2^24 + part * 2^8 + warm_up * 2^7 + step
  std::atomic<double> start_s_{0};
  std::uint64_t own_state_ = outside;  ///< the main thread's copy
  mutable std::mutex names_mutex_;     ///< of the two below; not needed by enter() and leave()
  std::string case_id_;
  std::vector<std::string> parts_;
};

/// Leaves the case on every way out of a scope.
class WatchedCase {
 public:
  WatchedCase(Watch& watch, const std::string& id) : watch_(watch) { watch_.start_case(id); }
  ~WatchedCase() { watch_.leave(); }
  WatchedCase(const WatchedCase&) = delete;
  WatchedCase& operator=(const WatchedCase&) = delete;

 private:
  Watch& watch_;
};

}  // namespace moeperf
