#include "kernels/balancing/aux_loss_check.hpp"

#include "kernels/scores.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moeperf {

bool can_check_loss(const AuxLossConfig& config) {
  return config.scope == AuxScope::global_batch && config.device_alpha == 0 && config.communication_alpha == 0 &&
         config.z_loss == 0;
}

Claim check_loss(const GateConfig& gate, const AuxLossConfig& config, Reducer& reducer, const SchemeRecord& record) {
  Claim claim{"the last loss follows from its loads and logits"};
  if (record.aux_loss.empty()) return claim;
  const auto experts = static_cast<std::size_t>(record.num_experts);
  std::vector<double> probability_sum(experts, 0.0), row(experts), score(experts);
  for (std::int64_t token = 0; token < record.logits.num_rows(); ++token) {
    std::copy_n(record.logits.row<float>(token), experts, row.begin());
    score_row<double>(gate.score, row, score);
    const double total = std::accumulate(score.begin(), score.end(), 0.0);
    for (std::size_t i = 0; i < experts; ++i) probability_sum[i] += score[i] / total;
  }
  reducer.sum(std::span(probability_sum));

  // L = α · E/(K·T²) · Σ_i c_i · Σ_t p_ti
  const auto load = record.load_of(record.num_steps() - 1);
  double products = 0;
  for (std::size_t i = 0; i < experts; ++i) products += static_cast<double>(load[i]) * probability_sum[i];
  const auto tokens = static_cast<double>(record.tokens_global);
  const double expected = config.alpha * gate.num_experts / (gate.top_k * tokens * tokens) * products;
  claim.require(std::abs(record.aux_loss.back() - expected) <= 1e-6 * std::abs(expected));
  return claim;
}

}  // namespace moeperf
