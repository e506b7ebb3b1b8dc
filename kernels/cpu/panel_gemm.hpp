#pragma once

#include "kernels/cpu/packed_gemm.hpp"

namespace moeperf::cpu {

/// C [M,N] = A [M,K] · B [K,N] for few rows M and a B that lies in no cache, panel by panel of B's columns. A panel's
/// weights come to the core's L2 cache once and serve all rows; its result is there, still hot, for what comes next.
/// Where tiles multiply faster than memory delivers (AMX, 128 rows, K = 2048) B in one piece runs at 0.65 of this
/// speed; on processors without them there is no difference.
class PanelGemm {
 public:
  /// B is `num_matrices` matrices side by side, each with `num_columns`; a panel holds the same columns of each.
  /// Otherwise as PackedGemm.
  PanelGemm(std::int64_t num_matrices, std::int64_t num_columns, std::int64_t k, DType dtype, DType out,
            int num_threads);

  std::int64_t num_panels() const { return num_panels_; }
  /// Columns of one matrix in a panel.
  std::int64_t width() const { return width_; }
  std::int64_t packed_bytes() const { return num_panels_ * gemm_.packed_bytes(); }

  /// The transposed columns of a panel [num_matrices·width,K] → their place in `packed`, of packed_bytes().
  void pack(std::int64_t panel, ConstRows transposed, void* packed);

  /// The panel's part of C, [m, num_matrices·width], valid until the next run. `a` is row-major without gaps.
  Rows run(std::int64_t panel, std::int64_t m, const void* a, const void* packed);

 private:
  std::int64_t width_, num_panels_;
  PackedGemm gemm_;
  RowBuffer c_;
};

}  // namespace moeperf::cpu
