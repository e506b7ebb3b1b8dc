#pragma once

#include "kernels/traffic/pattern.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moeperf {

/// The popularity (kernels/traffic/popularity.hpp) that a pattern wants the experts to have.
struct PopularityProfile {
  std::string label;  ///< what the description opens with
  /// How many popularities there are; step s has number s mod num_sets.
  std::int64_t num_sets = 1;
  double max_strength = 1.0;
  /// [E] of a set at a strength in [0, max_strength]; even at 0.
  std::function<std::vector<double>(std::int64_t set, double strength)> popularity;
  double target_maxvio = 0;
  /// The strength is found by bisection for the target; else it is the largest, and the target what that implies.
  bool calibrated = true;
};

/// Tokens that the untrained router sends to its experts in these proportions:
///
///   x = (d + noise) / sqrt(1 + |d|²/H),   W d = Φ⁻¹(popularity)
///
/// noise independent with variance 1, so that its logits have variance 1, too, and d shifts them as the popularity
/// needs. The skew is in the hidden states and comes through the router: balancing can act on it. The MaxVio that set 0
/// reaches is measured on noise of step 0.
std::unique_ptr<TrafficPattern> make_popularity_stream(const TrafficContext& context, const PopularityProfile& profile);

}  // namespace moeperf
