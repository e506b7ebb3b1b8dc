#include "harness/watchdog.hpp"

#include "kernels/base/error.hpp"
#include "kernels/base/host_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>

namespace moeperf {
namespace {

constexpr double look_again_s = 3;      // after leaving it to another rank: that may have been stopped since
constexpr double oversleep_s = 2;       // a thread that slept for so much longer than it wanted was stopped,
constexpr double settle_time_s = 5;     // and keeps still for so long afterwards
constexpr double patience_s = 3;        // between two cases the main thread has the report's file in its hands
constexpr double leaving_time_s = 1;    // from closing a run until its ranks end,
constexpr double speaking_time_s = 5;   // or this where other nodes may have something to say
constexpr double farewell_time_s = 20;  // what other nodes leave rank 0's, and what a node leaves the rank that closes
// What a launcher leaves between its SIGTERM and its SIGKILL is 1 s (Open MPI) to 30 s (Slurm).
constexpr double root_time_s = 5;       // rank 0 has this long to close the report before the others end
constexpr double between_cases_s = 10;  // the main thread has this long to get on from one case to the next

double limit_s(const TimeLimits& limits, Step step) {
  return limits.of(step) > 0 ? limits.of(step) : std::numeric_limits<double>::infinity();
}

}  // namespace

void say(const std::string& lines) {
  const std::string text = (isatty(STDERR_FILENO) != 0 ? "\r\033[K" : "") + lines;
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

Watchdog::Watchdog(const HeartbeatTable& table, int num_ranks, const TimeLimits& limits, Record record)
    : table_(table),
      own_(table.own()),
      is_root_(table.ranks()[table.own_idx()] == 0),
      num_ranks_(num_ranks),
      limits_(limits),
      record_(std::move(record)),
      interruption_(own_.bell) {
  own_.is_watched = true;
  sigset_t all, before;  // signals are the main thread's
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { keep_watch(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Watchdog::~Watchdog() {
  own_.is_watched = false;
  stopping_ = true;
  own_.bell.ring();
  thread_.join();
}

void Watchdog::keep_watch() {
  while (true) {
    const bool rung = doze(next_look_s());
    if (stopping_) return;
    const int signal = Interruption::signal();
    if (signal != 0 && table_.end_s() == 0) {
      end_by(signal);
    } else if (rung || state_of(table_.own_idx()).overdue) {
      look();
    }
  }
}

/// Whether it was woken before that.
bool Watchdog::doze(double until_s) {
  const double end_s = std::max(until_s, now_s());
  const bool rung = own_.bell.wait(end_s);
  // The process was stopped, with the whole job perhaps: the others need a moment to go on.
  if (now_s() > end_s + oversleep_s) own_.excused_s = now_s() + settle_time_s;
  return rung;
}

double Watchdog::next_look_s() const {
  const Watch::View at = own_.watch.view();
  // Another step may begin meanwhile, and be over its limit a limit from now.
  const double soon_s = now_s() + std::min(limit_s(limits_, Step::run), limit_s(limits_, Step::prepare));
  const double due_s = std::max(at.start_s, own_.excused_s.load()) + limit_s(limits_, at.step);
  return std::max(at.inside ? std::min(due_s, soon_s) : soon_s, looked_s_ + look_again_s);
}

RankState Watchdog::state_of(std::size_t i) const {
  RankState state{table_.ranks()[i], table_[i].watch.view()};
  if (state.at.inside) state.waited_s = std::max(0.0, now_s() - std::max(state.at.start_s, table_[i].excused_s.load()));
  state.overdue = state.at.inside && state.waited_s >= limit_s(limits_, state.at.step);
  return state;
}

/// Returns where no rank of the node waits in vain, or another one has to close the run; else ends the process.
void Watchdog::look() {
  const std::size_t own = table_.own_idx(), num_ranks = table_.ranks().size();
  Stall stall{limits_, host_name(), num_ranks_, {}};
  std::size_t closer = num_ranks;  // the first that can
  for (std::size_t i = 0; i < num_ranks; ++i) {
    stall.ranks.push_back(state_of(i));
    stall.ranks.back().lives = table_[i].lives();
    if (closer == num_ranks && stall.ranks.back().lives && table_[i].is_watched) closer = i;
  }
  if (table_.end_s() == 0) {
    const auto waits = [](const RankState& state) { return state.lives && state.overdue; };
    if (std::none_of(stall.ranks.begin(), stall.ranks.end(), waits)) return;
    looked_s_ = now_s();
    if (now_s() < own_.excused_s) return;
    if (closer != own) return table_[closer].bell.ring();
  }
  const bool on_root_node = table_.ranks().front() == 0, several_nodes = static_cast<int>(num_ranks) < num_ranks_;
  double none = 0;
  if (table_.end_s().compare_exchange_strong(none, now_s() + farewell_time_s)) {
    const std::string deputy =
        on_root_node && !is_root_ ? fmt::format("moeperf: so says rank {}\n", stall.ranks[own].rank) : "";
    close(stall_message(stall) + deputy, stall_reason(stall));
    if (on_root_node) table_.end_s() = now_s() + (several_nodes ? speaking_time_s : leaving_time_s);
    for (std::size_t i = 0; i < num_ranks; ++i) table_[i].bell.ring();
  } else if (is_root_) {  // it was stopped, and woken to be ended: the report is still open
    stall.ranks[own].lives = false;
    close("", stall_reason(stall));
  }
  while (now_s() < table_.end_s()) doze(table_.end_s());
  std::_Exit(exit_failure);
}

/// Returns when the run has come to its end meanwhile; else ends the process.
void Watchdog::end_by(int signal) {
  const double end_s = now_s() + (is_root_ ? between_cases_s : root_time_s);
  while (now_s() < end_s && !(is_root_ && own_.watch.seize())) {
    if (stopping_) return;
    doze(now_s() + 0.01);
  }
  const std::string name = signal == SIGTERM ? "SIGTERM" : signal == SIGINT ? "SIGINT" : "SIGHUP";
  const std::string what = fmt::format("ended by {} in {}", name, own_.watch.view().place);
  if (is_root_) close("moeperf: " + what + "\n", what);
  std::_Exit(exit_failure);
}

void Watchdog::close(const std::string& message, const std::string& reason) {
  const double end_s = now_s() + patience_s;
  while (!own_.watch.seize() && now_s() < end_s) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const bool is_stopped = own_.watch.seize();
  if (is_stopped) std::cout.flush();  // rows that are whole, before the lines about what is not
  say(message);
  try {
    if (is_stopped)
      record_(reason);
    else
      say("moeperf: this rank is busy outside of the cases: the report does not get this reason\n");
  } catch (const std::exception& error) {
    say(fmt::format("moeperf: the report does not get this reason: {}\n", error.what()));
  }
  std::fflush(stdout);
}

}  // namespace moeperf
