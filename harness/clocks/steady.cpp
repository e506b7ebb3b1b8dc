// steady: the system's monotonic clock.

#include "harness/sample_clock.hpp"

#include <chrono>

namespace moeperf {
namespace {

struct SteadyCounter {
  static const char* name() { return "steady"; }
  static std::chrono::steady_clock::time_point now() { return std::chrono::steady_clock::now(); }
  static double seconds(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  }
};

const Registration registration(clock_registry(), {.name = SteadyCounter::name(),
                                                   .summary = "the system's monotonic clock, on each rank",
                                                   .priority = 0,
                                                   .unsupported_reason = {},
                                                   .make = [](const ClockContext&) -> std::unique_ptr<SampleClock> {
                                                     return std::make_unique<CounterClock<SteadyCounter>>();
                                                   },
                                                   .missing_option = {}});

}  // namespace
}  // namespace moeperf
