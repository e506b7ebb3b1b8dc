// for i: for j: C[i,j] = Σ_k A[i,k]·B[k,j], by oneDNN, B packed beforehand

#include "kernels/cpu/kernels.hpp"
#include "kernels/cpu/packed_gemm.hpp"

namespace moeperf::cpu {
namespace {

/// Small numbers of both signs: zeros could be multiplied faster, and subnormals slower, than what a layer has.
RowBuffer operand(std::int64_t num_rows, std::int64_t num_cols, DType dtype) {
  RowBuffer buffer(num_rows, num_cols, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using Element = decltype(zero);
    for (std::int64_t row = 0; row < num_rows; ++row) {
      Element* values = buffer.rows().row<Element>(row);
      for (std::int64_t col = 0; col < num_cols; ++col) {
        values[col] = Element(static_cast<float>((row * 7 + col * 3) % 17 - 8) * 0.125f);
      }
    }
  });
  return buffer;
}

class CpuPlainGemm final : public PlainGemm {
 public:
  CpuPlainGemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype, int num_threads)
      : m_(m), n_(n), k_(k), gemm_(n, k, dtype, dtype, num_threads), a_(operand(m, k, dtype)), c_(m, n, dtype) {
    b_.reserve(gemm_.packed_bytes());
    gemm_.pack(operand(n, k, dtype).rows(), b_.data());
  }

  void run() override { gemm_.run(m_, a_.rows().data(), b_.data(), c_.rows().data()); }
  std::int64_t flop() const override { return 2 * m_ * n_ * k_; }

 private:
  std::int64_t m_, n_, k_;
  PackedGemm gemm_;
  RowBuffer a_, c_;
  Buffer b_;
};

}  // namespace

std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype,
                                           const Settings& settings) {
  // What the experts compute in is what bounds them.
  const DType computed = settings.widen_bf16 ? DType::f32 : dtype;
  return std::make_unique<CpuPlainGemm>(m, n, k, computed, settings.num_threads);
}

}  // namespace moeperf::cpu
