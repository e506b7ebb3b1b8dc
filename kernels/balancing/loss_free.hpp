#pragma once

#include <cstdint>

namespace moeperf {

/// How the loss-free bias moves: by u·sign(c̄ − c_i), or by u·(c̄ − c_i)/c̄.
enum class BiasRule : std::uint8_t { sign, proportional };

struct LossFreeConfig {
  double bias_rate = 0.001;  ///< u
  BiasRule bias_rule = BiasRule::sign;
  bool center = false;  ///< subtract the mean of the update
};

}  // namespace moeperf
