#include "kernels/balancing/aux_loss_batch.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {
namespace {

/// Adds one token's choices to [c_E | … ] and to the tokens per device, each device once.
void count_choices(std::span<const std::int32_t> choices, const Placement& placement,
                   std::span<std::int64_t> per_expert, std::span<std::int64_t> per_device) {
  for (std::size_t k = 0; k < choices.size(); ++k) {
    if (choices[k] < 0) continue;
    ++per_expert[static_cast<std::size_t>(choices[k])];
    const int device = placement.owner(choices[k]);
    const bool seen = std::any_of(choices.begin(), choices.begin() + static_cast<std::ptrdiff_t>(k),
                                  [&](std::int32_t e) { return e >= 0 && placement.owner(e) == device; });
    if (!seen) ++per_device[static_cast<std::size_t>(device)];
  }
}

}  // namespace

AuxLossBatch::AuxLossBatch(const GateConfig& gate, const AuxLossConfig& config, Reducer& reducer)
    : gate_(gate),
      config_(config),
      reducer_(reducer),
      placement_(gate.num_experts, reducer.num_ranks()),
      sums_length_(static_cast<std::size_t>(2 * gate.num_experts + num_devices(placement_) + 1)),
      probability_sum_(static_cast<std::size_t>(gate.num_experts)) {}

template <class Real>
double AuxLossBatch::evaluate(std::span<const Real> logits, std::span<const std::int32_t> topk_idx,
                              std::span<double> gradient) {
  const auto experts = static_cast<std::size_t>(gate_.num_experts);
  prepare_units(static_cast<std::int64_t>(logits.size() / experts), topk_idx);
  if (num_tokens_global_ == 0) {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    return 0.0;
  }
  const FixedPointGrid grid = FixedPointGrid::for_terms(num_tokens_global_);
  sum_over_tokens(logits, topk_idx, gradient, grid);
  double loss = losses_of_units(grid);
#pragma omp parallel for schedule(static)
  for (std::int64_t t = 0; t < num_rows_; ++t) {
    const auto row = static_cast<std::size_t>(t) * experts;
    if (is_padding(topk_idx, t)) {
      std::fill_n(gradient.begin() + static_cast<std::ptrdiff_t>(row), experts, 0.0);
      continue;
    }
    const auto unit = static_cast<std::size_t>(t / unit_length_) * experts;
    logit_gradient(std::span<const double>(probability_).subspan(row, experts),
                   std::span<const double>(unit_slope_).subspan(unit, experts), gradient.subspan(row, experts));
  }
  if (config_.z_loss != 0) loss += add_z_loss(logits, topk_idx, gradient);
  return loss;
}

template double AuxLossBatch::evaluate<float>(std::span<const float>, std::span<const std::int32_t>, std::span<double>);
template double AuxLossBatch::evaluate<double>(std::span<const double>, std::span<const std::int32_t>,
                                               std::span<double>);

void AuxLossBatch::prepare_units(std::int64_t num_rows, std::span<const std::int32_t> topk_idx) {
  num_rows_ = num_rows;
  num_tokens_global_ = 0;
  for (std::int64_t t = 0; t < num_rows; ++t) num_tokens_global_ += is_padding(topk_idx, t) ? 0 : 1;
  reducer_.sum(std::span(&num_tokens_global_, 1));
  const bool whole = config_.scope != AuxScope::sequence || config_.sequence_length == 0;
  unit_length_ = std::max<std::int64_t>(1, whole ? num_rows : config_.sequence_length);
  // The global batch is one unit on every rank, also on one without tokens.
  num_units_ = config_.scope == AuxScope::global_batch ? 1 : (num_rows + unit_length_ - 1) / unit_length_;
  const auto experts = static_cast<std::size_t>(gate_.num_experts);
  probability_.resize(static_cast<std::size_t>(num_rows) * experts);
  unit_slope_.resize(static_cast<std::size_t>(num_units_) * experts);
  unit_sums_.assign(static_cast<std::size_t>(num_units_) * sums_length_, 0);
}

template <class Real>
void AuxLossBatch::sum_over_tokens(std::span<const Real> logits, std::span<const std::int32_t> topk_idx,
                                   std::span<double> slope, const FixedPointGrid& grid) {
  const auto experts = static_cast<std::size_t>(gate_.num_experts);
  const auto top_k = static_cast<std::size_t>(gate_.top_k);
#pragma omp parallel
  {
    // Integer sums: neither the split over threads nor the order in which they flush matters.
    std::vector<std::int64_t> own(sums_length_, 0);
    std::int64_t own_unit = -1;
    const auto flush = [&] {
      if (own_unit < 0) return;
      const auto base = static_cast<std::size_t>(own_unit) * sums_length_;
#pragma omp critical(moeperf_aux_loss_sums)
      for (std::size_t i = 0; i < sums_length_; ++i) unit_sums_[base + i] += own[i];
      std::fill(own.begin(), own.end(), 0);
    };
#pragma omp for schedule(static)
    for (std::int64_t t = 0; t < num_rows_; ++t) {
      if (is_padding(topk_idx, t)) continue;
      if (const std::int64_t unit = t / unit_length_; unit != own_unit) {
        flush();
        own_unit = unit;
      }
      const auto row = static_cast<std::size_t>(t) * experts;
      const auto probability = std::span(probability_).subspan(row, experts);
      normalised_scores(gate_.score, logits.subspan(row, experts), probability, slope.subspan(row, experts));
      for (std::size_t i = 0; i < experts; ++i) own[experts + i] += grid.integer(probability[i]);
      count_choices(topk_idx.subspan(static_cast<std::size_t>(t) * top_k, top_k), placement_,
                    std::span(own).first(experts), std::span(own).subspan(2 * experts));
      ++own.back();
    }
    flush();
  }
}

double AuxLossBatch::losses_of_units(const FixedPointGrid& grid) {
  const bool global = config_.scope == AuxScope::global_batch;
  const auto experts = static_cast<std::size_t>(gate_.num_experts);
  if (global) reducer_.sum(std::span(unit_sums_));
  // A unit's weighted loss is at most Σ alphas · E, and so is the sum over units.
  const double bound = (config_.alpha + config_.device_alpha + config_.communication_alpha) * gate_.num_experts;
  const FixedPointGrid loss_grid(50 - exponent_above(bound));
  std::int64_t total = 0;
  for (std::int64_t unit = 0; unit < num_units_; ++unit) {
    const auto sums =
        std::span<const std::int64_t>(unit_sums_).subspan(static_cast<std::size_t>(unit) * sums_length_, sums_length_);
    for (std::size_t i = 0; i < experts; ++i) probability_sum_[i] = grid.value(sums[experts + i]);
    UnitLoad load;
    load.num_tokens = sums.back();
    load.tokens_per_expert = sums.first(experts);
    load.tokens_per_device = sums.subspan(2 * experts, sums.size() - 2 * experts - 1);
    load.probability_sum = probability_sum_;
    const auto slope = std::span(unit_slope_).subspan(static_cast<std::size_t>(unit) * experts, experts);
    const double loss = unit_loss(gate_, config_, placement_, load, slope);
    if (global) return loss;
    const double share = static_cast<double>(load.num_tokens) / static_cast<double>(num_tokens_global_);
    for (double& q : slope) q *= share;
    total += loss_grid.integer(share * loss);
  }
  reducer_.sum(std::span(&total, 1));
  return loss_grid.value(total);
}

template <class Real>
double AuxLossBatch::add_z_loss(std::span<const Real> logits, std::span<const std::int32_t> topk_idx,
                                std::span<double> gradient) {
  const auto experts = static_cast<std::size_t>(gate_.num_experts);
  const double factor = config_.z_loss / static_cast<double>(num_tokens_global_);
  log_sum_exp_.assign(static_cast<std::size_t>(num_rows_), 0.0);
  double largest = 0.0;
#pragma omp parallel for schedule(static) reduction(max : largest)
  for (std::int64_t t = 0; t < num_rows_; ++t) {
    if (is_padding(topk_idx, t)) continue;
    const auto row = static_cast<std::size_t>(t) * experts;
    const double lse = log_sum_exp(logits.subspan(row, experts));
    log_sum_exp_[static_cast<std::size_t>(t)] = lse;
    largest = std::max(largest, lse * lse);
    for (std::size_t i = 0; i < experts; ++i) {
      gradient[row + i] += 2.0 * factor * lse * std::exp(static_cast<double>(logits[row + i]) - lse);
    }
  }
  reducer_.max(std::span(&largest, 1));
  const FixedPointGrid grid = FixedPointGrid::for_terms(num_tokens_global_, exponent_above(largest));
  std::int64_t sum = 0;
  for (const double lse : log_sum_exp_) sum += grid.integer(lse * lse);
  reducer_.sum(std::span(&sum, 1));
  return factor * grid.value(sum);
}

}  // namespace moeperf
