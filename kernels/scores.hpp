#pragma once

#include "kernels/workload.hpp"

#include <span>

namespace moeperf {

/// Scores s of one token's logits z, both [E] and not overlapping. Numerically stable for any finite z.
/// The float versions are what every CPU backend computes, bit for bit (kernels/score_math.hpp says how); the
/// double versions use the standard library and serve offline routing.
template <class Real>
void score_row(Score score, std::span<const Real> logits, std::span<Real> scores);

/// score_row() of Score::softmax, also for the weights of softmax_after_topk.
template <class Real>
void softmax_row(std::span<const Real> logits, std::span<Real> scores);

template <>
void score_row<float>(Score score, std::span<const float> logits, std::span<float> scores);
template <>
void softmax_row<float>(std::span<const float> logits, std::span<float> scores);
template <>
void score_row<double>(Score score, std::span<const double> logits, std::span<double> scores);
template <>
void softmax_row<double>(std::span<const double> logits, std::span<double> scores);

}  // namespace moeperf
