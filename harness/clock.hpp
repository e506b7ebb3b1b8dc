#pragma once

#include <chrono>

namespace moeperf {

/// Seconds on this rank's monotonic clock, from an arbitrary start.
inline double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace moeperf
