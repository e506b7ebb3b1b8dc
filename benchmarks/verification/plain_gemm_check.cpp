#include "benchmarks/verification/plain_gemm_check.hpp"

#include "kernels/gemm_operands.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {
namespace {

constexpr std::int64_t rows_item = 4, columns_item = 5;
/// Rows, and columns: where they meet, enough elements that a hundredth of the product cannot be wrong unseen.
constexpr std::int64_t wanted = 32;

double dot(std::int64_t row, std::int64_t column, std::int64_t depth) {
  double sum = 0;
  for (std::int64_t k = 0; k < depth; ++k) sum += double{gemm_operand(row, k)} * gemm_operand(column, k);
  return sum;
}

}  // namespace

void poison(PlainGemm& gemm, Queue& queue) {
  const Rows product = gemm.product();
  RowBuffer unwritten(product.num_rows(), product.format());
  poison(unwritten.rows());
  queue.copy(std::as_const(unwritten).rows(), product);
  queue.wait();
}

void check_plain_gemm(Checker& checker, PlainGemm& gemm, Queue& queue, std::uint64_t seed) {
  checker.claim("the plain GEMM: every element written, those drawn from the seed right");
  const Rows product = gemm.product();
  RowBuffer found(product.num_rows(), product.format());
  queue.copy(product, found.rows());
  queue.wait();
  const std::int64_t depth = gemm.flop() / (2 * product.num_rows() * product.num_cols());
  const double rounding = std::sqrt(static_cast<double>(depth)) * std::ldexp(1.0, -22) +
                          (product.dtype() == DType::bf16 ? std::ldexp(1.0, -8) : 0.0);
  const std::vector<std::int64_t> columns = sample_rows(seed, columns_item, product.num_cols(), wanted);
  const std::vector<std::int64_t> rows = sample_rows(seed, rows_item, product.num_rows(), wanted);
  RowBuffer meeting(1, static_cast<std::int64_t>(columns.size()), DType::f32);
  for (std::int64_t row = 0; row < product.num_rows(); ++row) {
    const std::vector<float> values = to_floats(std::as_const(found).rows().slice(row, 1));
    checker.same(std::none_of(values.begin(), values.end(), [](float value) { return std::isnan(value); }));
    if (!std::binary_search(rows.begin(), rows.end(), row)) continue;
    std::vector<float> expected, allowance;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      meeting.rows().row<float>(0)[i] = values[static_cast<std::size_t>(columns[i])];
      expected.push_back(static_cast<float>(dot(row, columns[i], depth)));
      // Of the size that sums of so many products have, whatever cancels in this one.
      allowance.push_back(static_cast<float>(
          rounding * (std::abs(double{expected.back()}) + 0.375 * std::sqrt(static_cast<double>(depth)))));
    }
    checker.close(std::as_const(meeting).rows(), 0, expected, allowance);
  }
}

}  // namespace moeperf
