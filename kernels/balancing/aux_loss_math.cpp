#include "kernels/balancing/aux_loss_math.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {
namespace {

/// s and ds/dz of the scores that look at one logit only.
struct PointScore {
  double value;
  double derivative;
};

PointScore point_score(Score score, double z) {
  const double sigmoid = 1.0 / (1.0 + std::exp(-z));
  if (score == Score::sigmoid) return {sigmoid, sigmoid * (1.0 - sigmoid)};
  const double softplus = std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z)));
  const double root = std::sqrt(softplus);
  return {root, root > 0 ? sigmoid / (2.0 * root) : 0.0};
}

}  // namespace

template <class Real>
void normalised_scores(Score score, std::span<const Real> logits, std::span<double> probability,
                       std::span<double> slope) {
  const std::size_t num_experts = logits.size();
  double sum = 0.0;
  if (score == Score::softmax) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    for (std::size_t i = 0; i < num_experts; ++i) {
      probability[i] = std::exp(static_cast<double>(logits[i]) - largest);
      sum += probability[i];
    }
    for (std::size_t i = 0; i < num_experts; ++i) slope[i] = probability[i] /= sum;
    return;
  }
  for (std::size_t i = 0; i < num_experts; ++i) {
    const auto [value, derivative] = point_score(score, static_cast<double>(logits[i]));
    probability[i] = value;
    slope[i] = derivative;
    sum += value;
  }
  // All scores underflow together only for logits below -700; such a token has no say in the loss.
  const double inverse = sum > 0 ? 1.0 / sum : 0.0;
  for (std::size_t i = 0; i < num_experts; ++i) {
    probability[i] *= inverse;
    slope[i] *= inverse;
  }
}

template <class Real>
double log_sum_exp(std::span<const Real> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const Real z : logits) sum += std::exp(static_cast<double>(z) - largest);
  return largest + std::log(sum);
}

template void normalised_scores<float>(Score, std::span<const float>, std::span<double>, std::span<double>);
template void normalised_scores<double>(Score, std::span<const double>, std::span<double>, std::span<double>);
template double log_sum_exp<float>(std::span<const float>);
template double log_sum_exp<double>(std::span<const double>);

int num_devices(const Placement& placement) { return std::min<int>(placement.num_ranks(), placement.num_experts()); }

double unit_loss(const GateConfig& gate, const AuxLossConfig& config, const Placement& placement, const UnitLoad& load,
                 std::span<double> slope) {
  std::fill(slope.begin(), slope.end(), 0.0);
  if (load.num_tokens == 0) return 0.0;
  const auto tokens = static_cast<double>(load.num_tokens);
  const double fraction = gate.num_experts / (gate.top_k * tokens);  // E/(K·T): 1 on average over experts

  if (config.alpha != 0) {
    for (std::size_t i = 0; i < slope.size(); ++i) {
      slope[i] = config.alpha * fraction * static_cast<double>(load.tokens_per_expert[i]) / tokens;
    }
  }
  if (config.device_alpha != 0 || config.communication_alpha != 0) {
    const int devices = num_devices(placement);
    const double sent_fraction = devices / (std::min<double>(gate.top_k, devices) * tokens);
    for (int device = 0; device < devices; ++device) {
      const auto first = static_cast<std::size_t>(placement.first_expert(device));
      const auto last = static_cast<std::size_t>(placement.first_expert(device + 1));
      std::int64_t copies = 0;
      for (std::size_t i = first; i < last; ++i) copies += load.tokens_per_expert[i];
      const double mean_fraction = fraction * static_cast<double>(copies) / static_cast<double>(last - first);
      const double sent = sent_fraction * static_cast<double>(load.tokens_per_device[static_cast<std::size_t>(device)]);
      const double term = (config.device_alpha * mean_fraction + config.communication_alpha * sent) / tokens;
      for (std::size_t i = first; i < last; ++i) slope[i] += term;
    }
  }
  // The losses are linear in p.
  double loss = 0.0;
  for (std::size_t i = 0; i < slope.size(); ++i) loss += slope[i] * load.probability_sum[i];
  return loss;
}

void logit_gradient(std::span<const double> probability, std::span<const double> loss_slope,
                    std::span<double> slope_to_gradient) {
  double mean = 0.0;
  for (std::size_t i = 0; i < probability.size(); ++i) mean += loss_slope[i] * probability[i];
  for (std::size_t i = 0; i < probability.size(); ++i) slope_to_gradient[i] *= loss_slope[i] - mean;
}

}  // namespace moeperf
