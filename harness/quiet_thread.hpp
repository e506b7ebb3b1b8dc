#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace moeperf {

/// A thread that handles no signals: those are the main thread's.
template <class Body>
std::thread quiet_thread(Body body) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace moeperf
