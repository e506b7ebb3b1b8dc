#pragma once

#include "harness/clock.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <ctime>

namespace moeperf {

/// Wakes the one thread that waits for it: of this process or, where it lies in shared memory, of another. What was
/// rung before the thread waits is not lost.
class Bell {
 public:
  /// Any thread of any process, and a signal handler.
  void ring() {
    rung_.store(1);
    ::syscall(SYS_futex, &rung_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }

  /// Returns when it was rung, or at `until_s` (now_s()), an hour later, or for no reason.
  void wait(double until_s) {
    const double end_s = std::clamp(until_s, 0.0, now_s() + 3600);
    const auto whole_s = static_cast<std::time_t>(end_s);
    const timespec end{whole_s, static_cast<long>((end_s - static_cast<double>(whole_s)) * 1e9)};
    // Until an absolute time, on the clock of now_s().
    if (rung_.load() == 0) ::syscall(SYS_futex, &rung_, FUTEX_WAIT_BITSET, 0, &end, nullptr, FUTEX_BITSET_MATCH_ANY);
    rung_.store(0);
  }

 private:
  std::atomic<std::uint32_t> rung_{0};
};

}  // namespace moeperf
