#include "kernels/traffic/calibration.hpp"

#include "kernels/base/load_measures.hpp"
#include "kernels/scores.hpp"
#include "kernels/traffic/random_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moeperf {
namespace {

constexpr int token_tile = 4;
constexpr int expert_tile = 8;
constexpr std::int64_t max_sample = 2048;
/// Multiply-adds that calibration may spend on the sample's logits: some tenths of a second on a core.
constexpr std::int64_t max_projection = std::int64_t{2} << 30;

/// out[t][e] = Σ_h x[t][h] · packed[h][e] for a tile of tokens and experts.
void project_tile(const float* const x[token_tile], const float* __restrict packed, std::int64_t hidden,
                  float (*__restrict out)[expert_tile]) {
  float sum[token_tile][expert_tile] = {};
  for (std::int64_t h = 0; h < hidden; ++h) {
    const float* w = packed + h * expert_tile;
#pragma GCC unroll 4
    for (int t = 0; t < token_tile; ++t) {
#pragma omp simd
      for (int e = 0; e < expert_tile; ++e) sum[t][e] += x[t][h] * w[e];
    }
  }
  for (int t = 0; t < token_tile; ++t) std::copy_n(sum[t], expert_tile, out[t]);
}

/// W as [E/8 rounded up][H][8], zero-filled.
std::vector<float> pack(ConstRows weight) {
  const std::int64_t tiles = (weight.num_rows() + expert_tile - 1) / expert_tile;
  std::vector<float> packed(static_cast<std::size_t>(tiles * weight.num_cols() * expert_tile), 0.0f);
  for (std::int64_t e = 0; e < weight.num_rows(); ++e) {
    const float* from = weight.row<float>(e);
    float* to = packed.data() + (e / expert_tile) * weight.num_cols() * expert_tile + e % expert_tile;
    for (std::int64_t h = 0; h < weight.num_cols(); ++h) to[h * expert_tile] = from[h];
  }
  return packed;
}

/// The K experts that the unbiased gate chooses, in any order.
class Selector {
 public:
  explicit Selector(const GateConfig& gate) : gate_(gate), order_(static_cast<std::size_t>(gate.num_experts)) {}

  std::span<const std::int32_t> select(std::span<const float> logits) {
    // Scores rise with the logits, so that without groups the logits decide.
    ranking_.assign(logits.begin(), logits.end());
    if (gate_.groups > 1) keep_best_groups();
    std::iota(order_.begin(), order_.end(), 0);
    std::nth_element(order_.begin(), order_.begin() + (gate_.top_k - 1), order_.end(),
                     [&](std::int32_t a, std::int32_t b) { return stands_before(ranking_, a, b); });
    return std::span(order_).first(static_cast<std::size_t>(gate_.top_k));
  }

 private:
  static bool stands_before(const std::vector<double>& values, std::int32_t a, std::int32_t b) {
    const double value_a = values[static_cast<std::size_t>(a)], value_b = values[static_cast<std::size_t>(b)];
    return value_a != value_b ? value_a > value_b : a < b;
  }

  void keep_best_groups() {
    scores_.resize(ranking_.size());
    score_row(gate_.score, std::span<const double>(ranking_), std::span(scores_));
    const auto size = static_cast<std::size_t>(gate_.num_experts / gate_.groups);
    group_score_.clear();
    for (std::size_t first = 0; first < scores_.size(); first += size) {
      double best = -1.0, second = 0.0;
      for (std::size_t e = first; e < first + size; ++e) {
        second = std::max(second, std::min(best, scores_[e]));
        best = std::max(best, scores_[e]);
      }
      group_score_.push_back(gate_.group_score == GroupScore::max ? best : best + second);
    }
    groups_.resize(group_score_.size());
    std::iota(groups_.begin(), groups_.end(), 0);
    std::sort(groups_.begin(), groups_.end(),
              [&](std::int32_t a, std::int32_t b) { return stands_before(group_score_, a, b); });
    for (auto place = static_cast<std::size_t>(gate_.topk_groups); place < groups_.size(); ++place) {
      std::fill_n(ranking_.begin() + static_cast<std::ptrdiff_t>(groups_[place]) * static_cast<std::ptrdiff_t>(size),
                  size, -std::numeric_limits<double>::infinity());
    }
  }

  GateConfig gate_;
  std::vector<std::int32_t> order_, groups_;
  std::vector<double> ranking_, scores_, group_score_;
};

}  // namespace

std::vector<float> project(ConstRows weight, std::span<const float> x) {
  const std::int64_t hidden = weight.num_cols();
  const std::int64_t experts = weight.num_rows();
  const auto n = static_cast<std::int64_t>(x.size()) / hidden;
  const std::vector<float> packed = pack(weight);
  std::vector<float> logits(static_cast<std::size_t>(n * experts));
#pragma omp parallel for schedule(static)
  for (std::int64_t first = 0; first < n; first += token_tile) {
    const float* rows[token_tile];
    for (int t = 0; t < token_tile; ++t) rows[t] = x.data() + std::min(first + t, n - 1) * hidden;
    for (std::int64_t e = 0; e < experts; e += expert_tile) {
      float tile[token_tile][expert_tile];
      project_tile(rows, packed.data() + e * hidden, hidden, tile);
      const std::int64_t width = std::min<std::int64_t>(expert_tile, experts - e);
      for (std::int64_t t = 0; t < std::min<std::int64_t>(token_tile, n - first); ++t) {
        std::copy_n(tile[t], width, logits.data() + (first + t) * experts + e);
      }
    }
  }
  return logits;
}

std::vector<float> sample_noise_logits(ConstRows weight, std::uint64_t seed, std::int64_t stride) {
  const std::int64_t hidden = weight.num_cols();
  const std::int64_t affordable = max_projection / (weight.num_rows() * hidden);
  const std::int64_t n = std::clamp<std::int64_t>(affordable, 64, max_sample);
  std::vector<float> noise(static_cast<std::size_t>(n * hidden));
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < n; ++i) {
    fill_random_row(seed, RandomStream::token_noise, token_item(0, i * stride), 1.0f, nullptr, hidden,
                    noise.data() + i * hidden);
  }
  return project(weight, noise);
}

double mixture_maxvio(const MixtureSample& sample, double strength) {
  const auto experts = static_cast<std::size_t>(sample.gate.num_experts);
  const auto a = static_cast<float>(strength);
  const auto b = static_cast<float>(std::sqrt(1.0 - strength * strength));
  const auto n = static_cast<std::int64_t>(sample.kind.size());
  std::vector<std::int64_t> load(experts, 0);
#pragma omp parallel
  {
    Selector selector(sample.gate);
    std::vector<float> logits(experts);
    std::vector<std::int64_t> own(experts, 0);
#pragma omp for schedule(static)
    for (std::int64_t t = 0; t < n; ++t) {
      const float* noise = sample.noise_logits.data() + static_cast<std::size_t>(t) * experts;
      const float* common =
          sample.common_logits.data() + static_cast<std::size_t>(sample.kind[static_cast<std::size_t>(t)]) * experts;
      for (std::size_t e = 0; e < experts; ++e) logits[e] = a * common[e] + b * noise[e];
      for (const std::int32_t expert : selector.select(logits)) ++own[static_cast<std::size_t>(expert)];
    }
#pragma omp critical(moeperf_mixture_load)
    for (std::size_t e = 0; e < experts; ++e) load[e] += own[e];
  }
  return max_violation(load);
}

Calibration calibrate(const std::function<double(double)>& maxvio_at, double target, double max_strength) {
  const auto at = [&](double strength) { return Calibration{strength, maxvio_at(strength)}; };
  Calibration low = at(0.0), high = at(max_strength);
  if (target <= low.maxvio) return low;
  if (target >= high.maxvio) return high;
  for (int halving = 0; halving < 10; ++halving) {
    const Calibration middle = at(0.5 * (low.strength + high.strength));
    (middle.maxvio < target ? low : high) = middle;
  }
  return target - low.maxvio < high.maxvio - target ? low : high;
}

}  // namespace moeperf
