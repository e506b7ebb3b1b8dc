// Reference loop:
//
//   for t, e, h:  dW[e,h] += round(dz[t,e]·a) · round(x[t,h]·b)
//   all-reduce dW;  dW /= a·b
//
// Blocked so that a tile of 4 experts × 4 columns stays in registers over a block of tokens.

#include "kernels/balancing/weight_gradient.hpp"

#include "kernels/base/dtype.hpp"
#include "kernels/base/exact_sum.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {
namespace {

constexpr std::int64_t expert_tile = 4;
constexpr std::int64_t column_tile = 4;
constexpr std::int64_t column_block = 64;  // x block of 128 × 64 doubles: 64 KiB, stays in L2
constexpr std::int64_t token_block = 128;
constexpr int x_bits = 12;

double largest_magnitude(std::span<const double> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  double largest = 0.0;
#pragma omp parallel for simd schedule(static) reduction(max : largest)
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[static_cast<std::size_t>(i)]));
  return largest;
}

template <class Element>
double largest_magnitude(ConstRows x) {
  float largest = 0.0f;
#pragma omp parallel for schedule(static) reduction(max : largest)
  for (std::int64_t t = 0; t < x.num_rows(); ++t) {
    const Element* row = x.row<Element>(t);
#pragma omp simd reduction(max : largest)
    for (std::int64_t h = 0; h < x.num_cols(); ++h) largest = std::max(largest, std::abs(static_cast<float>(row[h])));
  }
  return largest;
}

/// tile[i][j] += Σ_t dz[t][i] · x[t][j].
void multiply_tile(const double* __restrict dz, const double* __restrict x, std::int64_t num_tokens,
                   double (*__restrict tile)[column_tile]) {
  double sum[expert_tile][column_tile] = {};
  for (std::int64_t t = 0; t < num_tokens; ++t) {
    for (int i = 0; i < expert_tile; ++i) {
#pragma omp simd
      for (int j = 0; j < column_tile; ++j) sum[i][j] += dz[t * expert_tile + i] * x[t * column_block + j];
    }
  }
  for (int i = 0; i < expert_tile; ++i) {
    for (int j = 0; j < column_tile; ++j) tile[i][j] = sum[i][j];
  }
}

}  // namespace

std::span<const double> WeightGradient::compute(std::span<const double> gradient, ConstRows x,
                                                std::int64_t num_tokens_global) {
  sum_.assign(static_cast<std::size_t>(num_experts_ * x.num_cols()), 0.0);
  double largest[2] = {largest_magnitude(gradient),
                       visit_dtype(x.dtype(), [&](auto zero) { return largest_magnitude<decltype(zero)>(x); })};
  reducer_.max(std::span<double>(largest));
  if (largest[0] == 0 || largest[1] == 0) return sum_;

  // |dz| <= 2^dz_bits, |x| <= 2^x_bits, and T products of them stay below 2^53.
  const int dz_bits = std::min(40, 53 - x_bits - ceil_log2(num_tokens_global + 1));
  const FixedPointGrid dz_grid(dz_bits - exponent_above(largest[0]));
  const FixedPointGrid x_grid(x_bits - exponent_above(largest[1]));
  pack(gradient, x.num_rows(), 1.0 / dz_grid.step());
  visit_dtype(x.dtype(), [&](auto zero) { multiply<decltype(zero)>(x, 1.0 / x_grid.step()); });
  reducer_.sum(std::span(sum_));
  const double step = dz_grid.step() * x_grid.step();
  for (double& value : sum_) value *= step;
  return sum_;
}

void WeightGradient::pack(std::span<const double> gradient, std::int64_t num_tokens, double scale) {
  const std::int64_t num_tiles = (num_experts_ + expert_tile - 1) / expert_tile;
  packed_.resize(static_cast<std::size_t>(num_tiles * num_tokens * expert_tile));
#pragma omp parallel for schedule(static)
  for (std::int64_t tile = 0; tile < num_tiles; ++tile) {
    double* to = packed_.data() + tile * num_tokens * expert_tile;
    const std::int64_t valid = std::min(expert_tile, num_experts_ - tile * expert_tile);
    for (std::int64_t t = 0; t < num_tokens; ++t) {
      const double* from = gradient.data() + t * num_experts_ + tile * expert_tile;
      for (std::int64_t i = 0; i < expert_tile; ++i) {
        to[t * expert_tile + i] = i < valid ? nearest_integer(from[i] * scale) : 0.0;
      }
    }
  }
}

template <class Element>
void WeightGradient::multiply(ConstRows x, double scale) {
  const std::int64_t num_tokens = x.num_rows();
  const std::int64_t hidden = x.num_cols();
  const std::int64_t num_blocks = (hidden + column_block - 1) / column_block;
#pragma omp parallel
  {
    alignas(64) double block[token_block * column_block];
#pragma omp for schedule(static)
    for (std::int64_t b = 0; b < num_blocks; ++b) {
      const std::int64_t first_column = b * column_block;
      const std::int64_t columns = std::min(column_block, hidden - first_column);
      for (std::int64_t first = 0; first < num_tokens; first += token_block) {
        const std::int64_t tokens = std::min(token_block, num_tokens - first);
        for (std::int64_t t = 0; t < tokens; ++t) {
          const Element* from = x.row<Element>(first + t) + first_column;
          double* to = block + t * column_block;
#pragma omp simd
          for (std::int64_t h = 0; h < columns; ++h) to[h] = nearest_integer(static_cast<float>(from[h]) * scale);
          std::fill(to + columns, to + column_block, 0.0);
        }
        for (std::int64_t e = 0; e < num_experts_; e += expert_tile) {
          const double* dz = packed_.data() + (e * num_tokens) + first * expert_tile;
          const std::int64_t rows = std::min(expert_tile, num_experts_ - e);
          for (std::int64_t h = 0; h < columns; h += column_tile) {
            double tile[expert_tile][column_tile];
            multiply_tile(dz, block + h, tokens, tile);
            const std::int64_t width = std::min(column_tile, columns - h);
            for (std::int64_t i = 0; i < rows; ++i) {
              double* to = sum_.data() + (e + i) * hidden + first_column + h;
              for (std::int64_t j = 0; j < width; ++j) to[j] += tile[i][j];
            }
          }
        }
      }
    }
  }
}

}  // namespace moeperf
