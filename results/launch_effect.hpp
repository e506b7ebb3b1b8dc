#pragma once

#include "results/report.hpp"

#include <cstdint>
#include <string>

namespace moeperf {

/// How the launches of two reports belong together.
enum class Design : std::uint8_t {
  groups,  ///< each launch by itself: rank_sum_p
  pairs,   ///< the k-th of one ran right before or after the k-th of the other: signed_rank_p
};

/// What the launches of two reports say of one part. A launch is one value, the median of its samples: samples of one
/// launch say nothing about how launches differ.
struct LaunchEffect {
  std::int64_t base_launches = 0, new_launches = 0;  ///< that have the part
  double base_median = 0, new_median = 0;            ///< of the launches' medians, in seconds
  double ratio = 1, low = 1, high = 1;               ///< new over base, with its 95 % interval
  bool reached = false;                              ///< false: too few launches for that interval
  double p = 1;                                      ///< of this effect, or more, where both are the same
  bool beside_baselines = false;                     ///< ratio and p are of what the baselines do not explain
  std::string reason{};                              ///< why there is no effect; nothing else is set then
};

/// `beside_baselines`: what the part's baselines, sampled beside it in each launch, explain of its time is taken away (a
/// control variate: the logarithm of their sum, times how much the part's moves with it), where both cases have the
/// same, of the same work. On one machine that is much of what launches differ by; of two machines it would compare
/// something else.
LaunchEffect effect_of(const CaseResult& base, const CaseResult& fresh, const std::string& part, Design design,
                       bool beside_baselines);

/// The same of all baselines of two cases together; no reason and no launches where there are none.
LaunchEffect effect_of_baselines(const CaseResult& base, const CaseResult& fresh, Design design);

/// Launches of each, at least, that can give a probability of `p`.
std::int64_t launches_needed(double p, Design design);

}  // namespace moeperf
