#include "harness/interruption.hpp"

#include "harness/clock.hpp"
#include "harness/quiet_thread.hpp"
#include "kernels/base/error.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace moeperf {
namespace {

// What a launcher leaves between its SIGTERM and its SIGKILL is 1 s (Open MPI) to 30 s (Slurm).
constexpr double root_time_s = 5;       // rank 0 has this long to close the report before the others end
constexpr double between_cases_s = 10;  // the main thread has this long to get on from one case to the next

// All that the handler touches.
std::atomic<int> received{0};
std::atomic<int> event_to_write{-1};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void moeperf_note_signal(int signal) {
  const int error = errno;
  received.store(signal);
  const std::uint64_t one = 1;
  (void)!::write(event_to_write.load(), &one, sizeof(one));
  errno = error;
}

std::string name_of(int signal) {
  switch (signal) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    default:
      return "SIGHUP";
  }
}

}  // namespace

Interruption::Interruption(Watch& watch, Ending& ending, bool is_root)
    : watch_(watch), ending_(ending), is_root_(is_root), event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw Error("cannot make an eventfd");
  received = 0;
  event_to_write = event_.get();
  thread_ = quiet_thread([this] { wait_for_signal(); });
  struct sigaction action {};
  action.sa_handler = moeperf_note_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < signals.size(); ++i) {
    ::sigaction(signals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler != SIG_IGN) ::sigaction(signals[i], &action, nullptr);
  }
}

Interruption::~Interruption() {
  for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before_[i], nullptr);
  event_to_write = -1;
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof(one));
  thread_.join();
}

void Interruption::wait_for_event(double seconds) {
  pollfd ready{event_.get(), POLLIN, 0};
  ::poll(&ready, 1, static_cast<int>(seconds * 1000) + 1);
  std::uint64_t count = 0;
  (void)!::read(event_.get(), &count, sizeof(count));
}

void Interruption::wait_for_signal() {
  while (!stopping_) {
    if (const int signal = received.load(); signal != 0) return end(signal);
    wait_for_event(3600);
  }
}

/// Returns when the run has come to its end meanwhile; else ends the process.
void Interruption::end(int signal) {
  const double end_s = now_s() + (is_root_ ? between_cases_s : root_time_s);
  while (now_s() < end_s && !(is_root_ && watch_.seize())) {
    if (stopping_) return;
    wait_for_event(0.01);
  }
  if (!is_root_) std::_Exit(exit_failure);
  const std::string what = fmt::format("ended by {} in {}", name_of(signal), watch_.view().place);
  ending_.close("moeperf: " + what + "\n", what);
  std::_Exit(exit_failure);
}

}  // namespace moeperf
