#pragma once

#include "kernels/gate.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace moeperf {

/// z = x Wᵀ in float: x [n,H] → [n,E]. Every element is one chain of multiply, add over ascending h, so
/// the bits do not depend on the number of threads.
std::vector<float> project(ConstRows weight, std::span<const float> x);

/// What the router answers to the noise of tokens 0, stride, 2·stride, … of step 0: [n,E], with n as large as some
/// tenths of a second on a core allow, 64 to 2048.
std::vector<float> sample_noise_logits(ConstRows weight, std::uint64_t seed, std::int64_t stride);

/// A mixture of a common part and noise, x = a·common[kind] + sqrt(1 − a²)·noise, seen through a router.
/// Since the router is linear, the logits of any a follow from those of the parts.
struct MixtureSample {
  GateConfig gate;
  std::vector<float> common_logits;  ///< [kinds, E]
  std::vector<float> noise_logits;   ///< [n, E]
  std::vector<std::int32_t> kind;    ///< [n]
};

/// MaxVio of the sample at strength a, without bias.
double mixture_maxvio(const MixtureSample& sample, double strength);

struct Calibration {
  double strength = 0;  ///< a
  double maxvio = 0;    ///< reached on the sample
};

/// The strength in [0, max_strength] whose MaxVio comes nearest to `target`, by bisection; the nearer end when the
/// target lies outside what the ends reach. `maxvio_at` rises with the strength.
Calibration calibrate(const std::function<double(double)>& maxvio_at, double target, double max_strength);

}  // namespace moeperf
