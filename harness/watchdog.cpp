#include "harness/watchdog.hpp"

#include "harness/clock.hpp"
#include "harness/progress.hpp"
#include "kernels/base/error.hpp"
#include "kernels/base/host_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace moeperf {
namespace {

using namespace std::chrono_literals;

constexpr double oversleep_s = 2;       // a thread that slept for so much longer than it wanted was stopped,
constexpr double settle_time_s = 5;     // and keeps still for so long afterwards
constexpr double between_cases_s = 10;  // the main thread has this long to get on from one case to the next
constexpr double farewell_time_s = 20;  // all others leave rank 0 this long to close the report of a stalled run
constexpr double leaving_time_s = 1;    // from then until the ranks of rank 0's node end,
constexpr double speaking_time_s = 5;   // or this where other nodes may have something to say
constexpr double root_time_s = 5;       // signals: launchers leave 1 s (Open MPI) to 30 s (Slurm) before their SIGKILL

// All that the handler touches.
std::atomic<int> received{0};
std::atomic<Heartbeat*> to_wake{nullptr};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<Heartbeat*>::is_always_lock_free);

extern "C" void moeperf_note_signal(int signal) {
  const int error = errno;
  received = signal;
  if (Heartbeat* own = to_wake) own->ring();
  errno = error;
}

}  // namespace

Watchdog::Watchdog(const HeartbeatTable& table, int num_ranks, const TimeLimits& limits, Record record)
    : table_(table),
      own_(table[table.own()]),
      is_root_(table.ranks()[table.own()] == 0),
      num_ranks_(num_ranks),
      limits_(limits),
      record_(std::move(record)) {
  own_.process = ::getpid();
  received = 0;
  to_wake = &own_;
  sigset_t all, before;  // signals are the main thread's
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { keep_watch(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  struct sigaction action {};
  action.sa_handler = moeperf_note_signal;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    ::sigaction(signals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(signals[i], &action, nullptr);
  }
}

Watchdog::~Watchdog() {
  for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before_[i], nullptr);
  to_wake = nullptr;
  own_.process = 0;
  stopping_ = true;
  own_.ring();
  thread_.join();
}

void Watchdog::keep_watch() {
  // Another step may begin meanwhile, and be over its limit so much later.
  const double soon_s = std::min(limits_.of(Step::run), limits_.of(Step::prepare));
  while (!stopping_) {
    const RankState own = state_of(table_.own());
    if (table_.end_s() != 0 || own.overdue) {
      end_stalled();
    } else if (const int signal = received; signal != 0) {
      end_by(signal);
    } else {
      doze(std::min(soon_s, limits_.of(own.at.step) - own.waited_s));
    }
  }
}

/// Returns when the bell was rung, or after that many seconds, an hour, or for no reason.
void Watchdog::doze(double seconds) {
  const double begin_s = now_s(), length_s = std::clamp(seconds, 0.0, 3600.0);
  // On the only clock that this has on all systems.
  const auto end = std::chrono::system_clock::now().time_since_epoch() + std::int64_t(length_s * 1e9) * 1ns;
  const timespec end_time{end / 1s, (end % 1s) / 1ns};
  ::sem_timedwait(&own_.bell, &end_time);
  // The process was stopped, with the whole job perhaps: the others need a moment to go on.
  if (now_s() > begin_s + length_s + oversleep_s) own_.excused_s = now_s() + settle_time_s;
}

RankState Watchdog::state_of(std::size_t place) const {
  const Heartbeat& line = table_[place];
  RankState state{table_.ranks()[place], line.watch.view(), line.lives()};
  if (state.at.start_s > 0) state.waited_s = std::max(0.0, now_s() - std::max(state.at.start_s, line.excused_s.load()));
  state.overdue = state.waited_s >= limits_.of(state.at.step);
  return state;
}

/// This rank waits in vain, or one of its node has found that it does. The first says so, rank 0 records it.
void Watchdog::end_stalled() {
  std::atomic<double>& end_s = table_.end_s();
  Stall stall{limits_, host_name(), num_ranks_, {}};
  for (std::size_t place = 0; place < table_.ranks().size(); ++place) {
    stall.ranks.push_back(state_of(place));
    // As it was found: this process may itself have been stopped, and was woken to be ended when others had gone.
    if (end_s == 0) table_[place].is_gone = !stall.ranks.back().lives;
    stall.ranks.back().lives = !table_[place].is_gone;
  }
  const double leave_s = stall.ranks.size() == static_cast<std::size_t>(num_ranks_) ? leaving_time_s : speaking_time_s;
  const bool root_is_gone = stall.ranks.front().rank == 0 && !stall.ranks.front().lives;
  double none = 0;
  if (end_s.compare_exchange_strong(none, now_s() + (root_is_gone ? leave_s : farewell_time_s))) {
    say(stall_message(stall));
    table_.ring_all();
  }
  if (is_root_) {
    record(stall_reason(stall));
    end_s = now_s() + leave_s;
    table_.ring_all();
  }
  while (now_s() < end_s) doze(end_s - now_s());
  std::_Exit(exit_failure);
}

/// Returns where the run has come to its end meanwhile.
void Watchdog::end_by(int signal) {
  const double end_s = now_s() + root_time_s;
  while (!is_root_ && !stopping_ && now_s() < end_s) doze(end_s - now_s());
  if (is_root_) stop_main_thread();
  if (stopping_) return;
  if (is_root_) {
    const char* name = signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP";
    const std::string reason = fmt::format("ended by {} in {}", name, own_.watch.view().place);
    say("moeperf: " + reason + "\n");
    record(reason);
  }
  std::_Exit(exit_failure);
}

/// As soon as it is in a step: between two cases it has the report's file in its hands.
bool Watchdog::stop_main_thread() {
  const double end_s = now_s() + between_cases_s;
  while (!own_.watch.seize() && !stopping_ && now_s() < end_s) doze(0.01);
  return own_.watch.seize();
}

void Watchdog::record(const std::string& reason) {
  try {
    if (!stop_main_thread()) throw Error("rank 0 is busy outside of the cases");
    record_(reason);
  } catch (const std::exception& error) {
    say(fmt::format("moeperf: the report does not get this reason: {}\n", error.what()));
  }
  std::fflush(stdout);  // rows that are whole
}

}  // namespace moeperf
