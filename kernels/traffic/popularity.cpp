#include "kernels/traffic/popularity.hpp"

#include "kernels/base/philox.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moeperf {
namespace {

/// Beyond these no sample of a few thousand tokens could tell, and the hidden states would be all direction.
constexpr double least_popularity = 1e-5, most_popularity = 0.999;

double squares(std::span<const double> values) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * values[i];
  return sum;
}

/// out [E] = W x.
void apply(ConstRows weight, std::span<const double> x, std::span<double> out) {
  for (std::int64_t e = 0; e < weight.num_rows(); ++e) {
    const float* row = weight.row<float>(e);
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::size_t h = 0; h < x.size(); ++h) sum += double{row[h]} * x[h];
    out[static_cast<std::size_t>(e)] = sum;
  }
}

/// out [H] = Wᵀ y.
void apply_transposed(ConstRows weight, std::span<const double> y, std::span<double> out) {
  std::fill(out.begin(), out.end(), 0.0);
  for (std::int64_t e = 0; e < weight.num_rows(); ++e) {
    const float* row = weight.row<float>(e);
    const double factor = y[static_cast<std::size_t>(e)];
#pragma omp simd
    for (std::size_t h = 0; h < out.size(); ++h) out[h] += factor * double{row[h]};
  }
}

}  // namespace

double normal_quantile(double p) {
  double low = -8.0, high = 8.0;
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

std::vector<double> logit_shifts(std::span<const double> popularity) {
  std::vector<double> shifts;
  for (const double p : popularity) shifts.push_back(normal_quantile(std::clamp(p, least_popularity, most_popularity)));
  const double mean = std::accumulate(shifts.begin(), shifts.end(), 0.0) / static_cast<double>(shifts.size());
  for (double& shift : shifts) shift -= mean;
  return shifts;
}

std::vector<float> hidden_direction(ConstRows weight, std::span<const double> logits) {
  constexpr int max_products = 50;
  constexpr double tolerance = 1e-3;
  const auto hidden = static_cast<std::size_t>(weight.num_cols());
  std::vector<double> x(hidden, 0.0), gradient(hidden), search(hidden), image(logits.size());
  std::vector<double> residual(logits.begin(), logits.end());
  const double enough = tolerance * tolerance * squares(logits);
  apply_transposed(weight, residual, gradient);
  search = gradient;
  double steepness = squares(gradient);
  for (int product = 0; product < max_products && squares(residual) > enough; ++product) {
    apply(weight, search, image);
    const double curvature = squares(image);
    if (curvature == 0) break;  // what is left of the residual no x can reach
    const double length = steepness / curvature;
    for (std::size_t h = 0; h < hidden; ++h) x[h] += length * search[h];
    for (std::size_t e = 0; e < residual.size(); ++e) residual[e] -= length * image[e];
    apply_transposed(weight, residual, gradient);
    const double before = steepness;
    steepness = squares(gradient);
    for (std::size_t h = 0; h < hidden; ++h) search[h] = gradient[h] + steepness / before * search[h];
  }
  return {x.begin(), x.end()};
}

std::vector<std::int32_t> shuffled_experts(std::int32_t num_experts, std::uint64_t seed) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(num_experts));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t left = order.size(); left > 1; --left) {
    const auto bits = random_bits(seed, RandomStream::popular_experts, left, 0);
    std::swap(order[left - 1], order[static_cast<std::size_t>(bits[0]) * left >> 32]);
  }
  return order;
}

std::vector<double> two_level_popularity(const GateConfig& gate, std::span<const std::int32_t> members, double share) {
  const auto experts = static_cast<double>(gate.num_experts);
  const auto inside = static_cast<double>(members.size());
  const double others = experts > inside ? (gate.top_k - inside * share) / (experts - inside) : 0.0;
  std::vector<double> popularity(static_cast<std::size_t>(gate.num_experts), others);
  for (const std::int32_t expert : members) popularity[static_cast<std::size_t>(expert)] = share;
  return popularity;
}

std::int32_t experts_in(double fraction, std::int32_t num_experts) {
  return std::clamp(static_cast<std::int32_t>(std::lround(fraction * num_experts)), 1, num_experts);
}

}  // namespace moeperf
