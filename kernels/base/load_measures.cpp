#include "kernels/base/load_measures.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace moeperf {
namespace {

std::int64_t total(std::span<const std::int64_t> loads) {
  return std::accumulate(loads.begin(), loads.end(), std::int64_t{0});
}

}  // namespace

double max_violation(std::span<const std::int64_t> tokens_per_expert) { return max_over_mean(tokens_per_expert) - 1.0; }

double gini(std::span<const std::int64_t> tokens_per_expert) {
  const std::int64_t sum = total(tokens_per_expert);
  if (sum == 0) return 0.0;
  std::vector<std::int64_t> sorted(tokens_per_expert.begin(), tokens_per_expert.end());
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<std::int64_t>(sorted.size());
  double weighted = 0.0;
  for (std::int64_t i = 0; i < n; ++i) {
    weighted += static_cast<double>(2 * i + 1 - n) * static_cast<double>(sorted[static_cast<std::size_t>(i)]);
  }
  return weighted / (static_cast<double>(n) * static_cast<double>(sum));
}

double coefficient_of_variation(std::span<const std::int64_t> tokens_per_expert) {
  const std::int64_t sum = total(tokens_per_expert);
  if (sum == 0) return 0.0;
  const double n = static_cast<double>(tokens_per_expert.size());
  const double mean = static_cast<double>(sum) / n;
  double squares = 0.0;
  for (const std::int64_t load : tokens_per_expert) {
    const double delta = static_cast<double>(load) - mean;
    squares += delta * delta;
  }
  return std::sqrt(squares / n) / mean;
}

double max_over_mean(std::span<const std::int64_t> loads) {
  const std::int64_t sum = total(loads);
  if (sum == 0) return 1.0;
  const std::int64_t largest = *std::max_element(loads.begin(), loads.end());
  return static_cast<double>(largest) * static_cast<double>(loads.size()) / static_cast<double>(sum);
}

}  // namespace moeperf
