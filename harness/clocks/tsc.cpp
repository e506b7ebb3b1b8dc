// tsc: the processor's time stamp counter. Where it is invariant it counts at one rate, whatever the clock of the core
// is; that rate is measured against the monotonic clock when the launch starts.

#include "harness/sample_clock.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>

#include <chrono>
#endif

namespace moeperf {
namespace {

#if defined(__x86_64__)

/// A reading that no instruction of the timed region overtakes, in either direction.
std::int64_t read_counter() {
  _mm_lfence();
  const auto ticks = static_cast<std::int64_t>(__rdtsc());
  _mm_lfence();
  return ticks;
}

/// Both clocks at one time, as nearly as they can be read together.
struct ReadTogether {
  std::chrono::steady_clock::time_point steady;
  std::int64_t ticks = 0;
};

ReadTogether read_together() {
  constexpr int tries = 20;
  ReadTogether best;
  std::int64_t least = INT64_MAX;
  for (int i = 0; i < tries; ++i) {
    const std::int64_t before = read_counter();
    const auto steady = std::chrono::steady_clock::now();
    const std::int64_t after = read_counter();
    if (after - before >= least) continue;
    least = after - before;
    best = {steady, before + least / 2};
  }
  return best;
}

/// Over long enough that the few tens of nanoseconds by which the readings miss each other are a millionth of it.
double measure_seconds_per_tick() {
  constexpr std::chrono::milliseconds span{50};
  const ReadTogether first = read_together();
  while (std::chrono::steady_clock::now() - first.steady < span) {
  }
  const ReadTogether last = read_together();
  return std::chrono::duration<double>(last.steady - first.steady).count() /
         static_cast<double>(last.ticks - first.ticks);
}

class TscCounter {
 public:
  static const char* name() { return "tsc"; }
  static std::int64_t now() { return read_counter(); }
  double seconds(std::int64_t from, std::int64_t to) const {
    return static_cast<double>(to - from) * seconds_per_tick_;
  }

 private:
  double seconds_per_tick_ = measure_seconds_per_tick();
};

std::optional<std::string> unsupported_reason(const ClockContext&) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned power_leaf = 0x80000007, invariant_tsc = 1u << 8;
  if (__get_cpuid(power_leaf, &a, &b, &c, &d) == 0 || (d & invariant_tsc) == 0)
    return "the processor, or its hypervisor, does not say that the time stamp counter is invariant";
  // The kernel takes it from the list where the cores' counters differ.
  std::ifstream file("/sys/devices/system/clocksource/clocksource0/available_clocksource");
  const std::string sources{std::istreambuf_iterator<char>(file), {}};
  if (!sources.empty() && sources.find("tsc") == std::string::npos)
    return "the kernel does not trust the time stamp counter: it is not among its clock sources";
  return std::nullopt;
}

std::unique_ptr<SampleClock> make(const ClockContext&) { return std::make_unique<CounterClock<TscCounter>>(); }

#else

std::optional<std::string> unsupported_reason(const ClockContext&) { return "only x86 processors have it"; }
std::unique_ptr<SampleClock> make(const ClockContext&) { return nullptr; }

#endif

const Registration registration(clock_registry(), {.name = "tsc",
                                                   .summary = "the processor's time stamp counter, x86",
                                                   .priority = 0,
                                                   .unsupported_reason = unsupported_reason,
                                                   .make = make,
                                                   .missing_option = {}});

}  // namespace
}  // namespace moeperf
