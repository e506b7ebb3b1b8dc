// for i: for j: C[i,j] = Σ_k A[i,k]·B[k,j], by oneDNN, B packed beforehand

#include "kernels/cpu/kernels.hpp"
#include "kernels/cpu/packed_gemm.hpp"
#include "kernels/gemm_operands.hpp"

namespace moeperf::cpu {
namespace {

class CpuPlainGemm final : public PlainGemm {
 public:
  CpuPlainGemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype, int num_threads)
      : m_(m),
        n_(n),
        k_(k),
        gemm_(n, k, dtype, dtype, num_threads),
        a_(gemm_operand_rows(m, k, dtype)),
        c_(m, n, dtype) {
    b_.reserve(gemm_.packed_bytes());
    gemm_.pack(gemm_operand_rows(n, k, dtype).rows(), b_.data());
  }

  void run() override { gemm_.run(m_, a_.rows().data(), b_.data(), c_.rows().data()); }
  std::int64_t flop() const override { return 2 * m_ * n_ * k_; }
  Rows product() override { return c_.rows(); }

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
