#pragma once

#include "harness/watch.hpp"

#include <limits>

namespace moeperf {

/// How long ranks may be in one step before the run counts as stalled (see Watchdog). 0: for ever.
struct TimeLimits {
  double part_s = 60;          ///< a part of one sample, and what is done together around it
  double preparation_s = 600;  ///< preparation and verification of a case, and what lies between two: the report

  bool any() const { return part_s > 0 || preparation_s > 0; }
  static bool is_preparation(Step step) { return step == Step::prepare || step == Step::verify; }
  /// Infinite where there is none.
  double of(Step step) const {
    const double limit_s = is_preparation(step) ? preparation_s : part_s;
    return limit_s > 0 ? limit_s : std::numeric_limits<double>::infinity();
  }
  /// What sets the limit of a step.
  static const char* option_of(Step step) { return is_preparation(step) ? "--prepare-limit" : "--time-limit"; }
};

}  // namespace moeperf
