#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
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

/// Where a rank's main thread is. It says so itself; another thread may look, and of the same process may stop it for
/// good. It holds no pointer, so that in shared memory (HeartbeatTable) other processes look, too. All ranks go through
/// the same steps, so equal sequence numbers mean the same step.
///
/// Entering a step costs a look at the clock, three stores and a compare-and-swap that nobody contends for; no
/// lock, no allocation, no system call: it stands right outside what is timed.
class alignas(64) Watch {
 public:
  /// What another thread sees. Read while the main thread moves on, `start_s` and `place` may already be of the
  /// next step: never too old, so that a rank that moves never looks like one that waits.
  struct View {
    std::uint64_t sequence = 0;
    bool inside = false;  ///< in a step; else outside of all cases
    Step step = Step::prepare;
    double start_s = 0;  ///< of the step, or of being outside: now_s(), one clock for all of a node; 0: never moved
    std::string place;   ///< for people
  };

  /// Main thread: the steps to come belong to this case.
  void start_case(const std::string& id);
  /// Main thread: names of the parts that enter() numbers. What is beyond a kilobyte, with the case's, is cut.
  void name_parts(const std::vector<std::string>& parts);
  /// Main thread: goes on to `step`. Does not return once another thread has seized the watch.
  void enter(Step step, std::size_t part = 0, std::int64_t sample = 0, bool warm_up = false);
  /// Main thread: outside of all cases, where it prepares for the next and rank 0 writes the report. As enter().
  void leave();

  View view() const;
  /// Another thread: if the main thread is inside a step, it will never leave it. From then on all that the
  /// main thread wrote before the step may be used by the caller, who must end the process.
  bool seize();

 private:
  enum State : std::uint64_t { outside = 0, inside = 1, seized = 2 };  ///< lowest bits of state_
  void move_to(State next, std::uint64_t position);
  void append_names(std::size_t at, const std::string& text);

  std::atomic<std::uint64_t> state_{outside};  ///< sequence * 4 + State
  std::atomic<std::uint64_t> position_{0};     ///< sample * 2^24 + part * 2^8 + warm_up * 2^7 + step
  std::atomic<double> start_s_{0};
  std::uint64_t own_state_ = outside;  ///< the main thread's copy
  std::size_t id_length_ = 0;
  std::array<std::atomic<char>, 1024> names_{};  ///< of the case and its parts, one a line, then a zero
};
static_assert(std::atomic<double>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);

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
