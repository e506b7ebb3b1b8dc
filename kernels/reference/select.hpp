#pragma once

#include "kernels/scores.hpp"
#include "kernels/workload.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace moeperf {

/// Whether a logit may say that its expert is not to be chosen.
enum class MaskedExperts : std::uint8_t { none, minus_infinity };

/// Chooses one token's experts, in plain steps:
///   s = score(z); biased = s + b
///   keep the topk_groups groups of the largest group score; the others' biased scores become −inf
///   idx = the K largest biased scores, descending, the lower id first among equals
///   weights = softmax of the selected logits, or s, normalised if asked; times routed_scale
/// logits [E]; bias [E] or empty (no bias); idx [K]; weights [K]. NaN counts as −inf.
/// With MaskedExperts::minus_infinity an expert whose logit is −inf has the biased score −inf, whatever its bias, and
/// no part in the score of its group: a group is scored by those left in it, and without any is the last to be kept.
/// Returns how many experts there were to choose from; where that is less than K, idx and weights mean nothing.
template <class Real>
std::int64_t reference_select_row(const GateConfig& config, std::span<const Real> logits, std::span<const float> bias,
                                  std::span<std::int32_t> idx, std::span<Real> weights,
                                  MaskedExperts masked_experts = MaskedExperts::none) {
  constexpr Real lowest = -std::numeric_limits<Real>::infinity();
  const auto num_experts = static_cast<std::size_t>(config.num_experts);
  const auto masked = [&](std::size_t e) {
    return masked_experts == MaskedExperts::minus_infinity && logits[e] == lowest;
  };
  std::vector<Real> scores(num_experts), biased(num_experts);
  score_row<Real>(config.score, logits, scores);
  for (std::size_t e = 0; e < num_experts; ++e) {
    biased[e] = scores[e] + (bias.empty() ? Real{0} : static_cast<Real>(bias[e]));
    if (masked(e) || std::isnan(biased[e])) biased[e] = lowest;  // a NaN has no place in an order
  }

  if (config.groups > 1) {
    const std::size_t group_size = num_experts / static_cast<std::size_t>(config.groups);
    std::vector<Real> group_scores;
    for (std::size_t first = 0; first < num_experts; first += group_size) {
      std::vector<Real> members;
      for (std::size_t e = first; e < first + group_size; ++e) {
        if (!masked(e)) members.push_back(config.group_score == GroupScore::max ? scores[e] : biased[e]);
      }
      if (members.empty()) {
        group_scores.push_back(lowest);
      } else if (config.group_score == GroupScore::max) {
        group_scores.push_back(*std::max_element(members.begin(), members.end()));
      } else {
        std::sort(members.begin(), members.end(), std::greater<>());
        group_scores.push_back(members.size() > 1 ? members[0] + members[1] : members[0]);
      }
    }
    std::vector<std::size_t> groups(group_scores.size());
    std::iota(groups.begin(), groups.end(), std::size_t{0});
    std::stable_sort(groups.begin(), groups.end(),
                     [&](std::size_t a, std::size_t b) { return group_scores[a] > group_scores[b]; });
    for (std::size_t place = static_cast<std::size_t>(config.topk_groups); place < groups.size(); ++place) {
      const std::size_t first = groups[place] * group_size;
      std::fill_n(biased.begin() + static_cast<std::ptrdiff_t>(first), group_size, lowest);
    }
  }

  std::vector<std::int32_t> order(num_experts);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return biased[static_cast<std::size_t>(a)] > biased[static_cast<std::size_t>(b)];
  });
  std::copy_n(order.begin(), idx.size(), idx.begin());

  if (config.softmax_after_topk) {
    std::vector<Real> selected;
    for (const std::int32_t expert : idx) selected.push_back(logits[static_cast<std::size_t>(expert)]);
    softmax_row<Real>(selected, weights);
  } else {
    Real sum = 0;
    for (std::size_t k = 0; k < idx.size(); ++k) sum += weights[k] = scores[static_cast<std::size_t>(idx[k])];
    if (config.norm_topk) {
      for (Real& weight : weights) weight /= sum + static_cast<Real>(1e-20);
    }
  }
  for (Real& weight : weights) weight *= static_cast<Real>(config.routed_scale);
  return std::count_if(biased.begin(), biased.end(), [](Real score) { return score > lowest; });
}

}  // namespace moeperf
