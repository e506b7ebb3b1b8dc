#pragma once

#include "harness/benchmark.hpp"
#include "kernels/base/registry.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace moeperf {

/// When a run of a part began, in seconds since the clock was made, and how long it took.
struct Interval {
  double start_s = 0;
  double duration_s = 0;
};

/// What a clock can tell apart, and what looking at it takes; measured when it is asked.
struct ClockQuality {
  double resolution_s = 0;  ///< least difference of two readings that differ
  double read_cost_s = 0;   ///< mean of many readings in a row
};

/// What samples are timed with: one for a launch, made at its start, which its readings count from. Local: nothing is
/// said about other ranks' clocks.
class SampleClock {
 public:
  virtual ~SampleClock() = default;
  virtual const char* name() const = 0;
  virtual double now_s() const = 0;
  /// Runs a part between two readings. Nothing but Benchmark::run lies between them, not even a call to the clock.
  virtual Interval time(Benchmark& benchmark, std::size_t part) const = 0;
  virtual ClockQuality quality() const = 0;
};

struct ClockContext {};
using ClockRegistry = Registry<SampleClock, ClockContext>;
ClockRegistry& clock_registry();

/// A clock on `Counter`, whose reading is compiled into the timed region: name(), now() and seconds(from, to) of two
/// readings.
template <class Counter>
class CounterClock final : public SampleClock {
 public:
  const char* name() const override { return counter_.name(); }
  double now_s() const override { return counter_.seconds(origin_, counter_.now()); }
  Interval time(Benchmark& benchmark, std::size_t part) const override {
    const auto begin = counter_.now();
    benchmark.run(part);
    const auto end = counter_.now();
    return {counter_.seconds(origin_, begin), counter_.seconds(begin, end)};
  }
  ClockQuality quality() const override {
    constexpr int readings = 10000;
    ClockQuality quality{std::numeric_limits<double>::infinity(), 0};
    const auto first = counter_.now();
    auto last = first;
    for (int i = 0; i < readings; ++i) {
      const auto next = counter_.now();
      if (const double step_s = counter_.seconds(last, next); step_s > 0)
        quality.resolution_s = std::min(quality.resolution_s, step_s);
      last = next;
    }
    quality.read_cost_s = counter_.seconds(first, last) / readings;
    return quality;
  }

 private:
  Counter counter_;
  decltype(counter_.now()) origin_ = counter_.now();
};

}  // namespace moeperf
