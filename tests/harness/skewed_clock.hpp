#pragma once

#include "harness/sample_clock.hpp"

#include <chrono>

namespace moeperf {

/// A clock that is off by a known offset and rate from this machine's monotonic one, which ranks share.
struct SkewedClock final : SampleClock {
  double offset_s, rate;

  explicit SkewedClock(double offset = 0, double own_rate = 1) : offset_s(offset), rate(own_rate) {}

  const char* name() const override { return "skewed"; }
  double now_s() const override { return offset_s + rate * true_s(); }
  Interval time(Benchmark& benchmark, std::size_t part) const override {
    const double start_s = now_s();
    benchmark.run(part);
    return {start_s, now_s() - start_s};
  }
  ClockQuality quality() const override { return {1e-9, 1e-9}; }

  static double true_s() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

}  // namespace moeperf
