#include "kernels/cpu/panel_gemm.hpp"

namespace moeperf::cpu {
namespace {

/// Bytes of weights in a panel, for each thread: a part of the L2 cache that leaves room for rows and results.
constexpr std::int64_t panel_bytes = 512 << 10;
/// Columns that the library's kernels take at a time.
constexpr std::int64_t step = 64;

/// The widest panel of about that size that divides the columns evenly; all of them where steps do not.
std::int64_t panel_width(std::int64_t num_columns, std::int64_t bytes_per_column, int num_threads) {
  if (num_columns % step != 0) return num_columns;
  std::int64_t widest = step;
  for (std::int64_t width = step; width <= num_columns; width += step) {
    if (num_columns % width == 0 && width * bytes_per_column <= panel_bytes * num_threads) widest = width;
  }
  return widest;
}

}  // namespace

PanelGemm::PanelGemm(std::int64_t num_matrices, std::int64_t num_columns, std::int64_t k, DType dtype, DType out,
                     int num_threads)
    : width_(panel_width(num_columns, num_matrices * k * size_bytes(dtype), num_threads)),
      num_panels_(num_columns / width_),
      gemm_(num_matrices * width_, k, dtype, out, num_threads),
      c_(0, num_matrices * width_, out) {}

void PanelGemm::pack(std::int64_t panel, ConstRows transposed, void* packed) {
  gemm_.pack(transposed, static_cast<std::byte*>(packed) + panel * gemm_.packed_bytes());
}

Rows PanelGemm::run(std::int64_t panel, std::int64_t m, const void* a, const void* packed) {
  c_.resize(m);
  gemm_.run(m, a, static_cast<const std::byte*>(packed) + panel * gemm_.packed_bytes(), c_.rows().data());
  return c_.rows();
}

}  // namespace moeperf::cpu
