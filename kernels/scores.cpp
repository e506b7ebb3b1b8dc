#include "kernels/scores.hpp"

#include "kernels/score_math.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moeperf {
namespace {

double sigmoid(double z) {
  const double e = std::exp(-std::abs(z));
  return z < 0 ? e / (1.0 + e) : 1.0 / (1.0 + e);
}

double sqrt_softplus(double z) { return std::sqrt(std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z)))); }

}  // namespace

template <>
void softmax_row<float>(std::span<const float> logits, std::span<float> scores) {
  generic::softmax_row(logits.data(), static_cast<std::int64_t>(logits.size()), scores.data());
}

template <>
void softmax_row<double>(std::span<const double> logits, std::span<double> scores) {
  double top = -std::numeric_limits<double>::infinity();
  for (const double z : logits) top = std::max(top, z);
  double sum = 0;
  for (std::size_t e = 0; e < logits.size(); ++e) sum += scores[e] = std::exp(logits[e] - top);
  for (double& s : scores) s /= sum;
}

template <>
void score_row<float>(Score score, std::span<const float> logits, std::span<float> scores) {
  generic::score_row(score, logits.data(), static_cast<std::int64_t>(logits.size()), scores.data());
}

template <>
void score_row<double>(Score score, std::span<const double> logits, std::span<double> scores) {
  switch (score) {
    case Score::softmax:
      softmax_row<double>(logits, scores);
      break;
    case Score::sigmoid:
      std::transform(logits.begin(), logits.end(), scores.begin(), sigmoid);
      break;
    case Score::sqrt_softplus:
      std::transform(logits.begin(), logits.end(), scores.begin(), sqrt_softplus);
      break;
  }
}

}  // namespace moeperf
