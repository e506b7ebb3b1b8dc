#pragma once

#include "kernels/base/view.hpp"
#include "kernels/gate.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

// From the popularity that experts are to have to the hidden states that make the router give it to them. The
// popularity of an expert is the share of all tokens that choose it: [E], each in (0, 1), K together.

/// The x with Φ(x) = p, p in (0, 1); Φ is the distribution function of the normal distribution.
double normal_quantile(double p);

/// Shifts of the experts' logits under which, where each logit else is an independent normal variate of variance 1,
/// expert e is among the chosen with about its probability: Φ⁻¹(popularity), less the mean of these. [E].
std::vector<double> logit_shifts(std::span<const double> popularity);

/// The shortest x [H] with W x = logits, W [E,H] and logits [E], by conjugate gradients on the least-squares problem
/// (Hestenes & Stiefel 1952), to a relative residual of 1e-3; for a router of independent entries and E < H, in
/// about ten products. With more experts than hidden dimensions the nearest that some tens of products find. One
/// thread: the bits do not depend on their number.
std::vector<float> hidden_direction(ConstRows weight, std::span<const double> logits);

/// All experts, in an order drawn from the seed.
std::vector<std::int32_t> shuffled_experts(std::int32_t num_experts, std::uint64_t seed);

/// `members` with `share` each, the other experts with the same share of what is left.
std::vector<double> two_level_popularity(const GateConfig& gate, std::span<const std::int32_t> members, double share);

/// Number of experts in a fraction of them: rounded, at least one, at most all.
std::int32_t experts_in(double fraction, std::int32_t num_experts);

}  // namespace moeperf
