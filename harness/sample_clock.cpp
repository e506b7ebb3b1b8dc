#include "harness/sample_clock.hpp"

namespace moeperf {

ClockRegistry& clock_registry() {
  static ClockRegistry registry("clock");
  return registry;
}

}  // namespace moeperf
