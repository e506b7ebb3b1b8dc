#include "harness/interruption.hpp"

#include <cerrno>

namespace moeperf {
namespace {

// All that the handler touches.
std::atomic<int> received{0};
std::atomic<Bell*> bell_to_ring{nullptr};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<Bell*>::is_always_lock_free);

extern "C" void moeperf_note_signal(int signal) {
  const int error = errno;
  received.store(signal);
  if (Bell* bell = bell_to_ring.load()) bell->ring();
  errno = error;
}

}  // namespace

Interruption::Interruption(Bell& bell) {
  received = 0;
  bell_to_ring = &bell;
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
  bell_to_ring = nullptr;
}

int Interruption::signal() { return received.load(); }

}  // namespace moeperf
