// for i: for j: C[i,j] = Σ_k A[i,k]·B[k,j]

#include "kernels/reference/kernels.hpp"

#include "kernels/gemm_operands.hpp"

#include <algorithm>

namespace moeperf::reference {
namespace {

class ReferenceGemm final : public PlainGemm {
 public:
  ReferenceGemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype)
      : a_(gemm_operand_rows(m, k, dtype)), b_(k, n, dtype), c_(m, n, DType::f32) {
    visit_dtype(dtype, [&](auto zero) {
      using Element = decltype(zero);
      for (std::int64_t row = 0; row < k; ++row) {
        for (std::int64_t col = 0; col < n; ++col) b_.rows().row<Element>(row)[col] = Element(gemm_operand(col, row));
      }
    });
  }

  void run() override {
    visit_dtype(a_.rows().dtype(), [&](auto zero) {
      using Element = decltype(zero);
      for (std::int64_t i = 0; i < a_.rows().num_rows(); ++i) {
        float* c = c_.rows().row<float>(i);
        std::fill_n(c, c_.rows().num_cols(), 0.0f);
        for (std::int64_t k = 0; k < a_.rows().num_cols(); ++k) {
          const auto a = static_cast<float>(a_.rows().row<Element>(i)[k]);
          const Element* b = b_.rows().row<Element>(k);
          for (std::int64_t j = 0; j < c_.rows().num_cols(); ++j) c[j] += a * static_cast<float>(b[j]);
        }
      }
    });
  }

  std::int64_t flop() const override { return 2 * a_.rows().num_rows() * b_.rows().num_cols() * a_.rows().num_cols(); }
  Rows product() override { return c_.rows(); }

 private:
  RowBuffer a_, b_, c_;
};

}  // namespace

std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) {
  return std::make_unique<ReferenceGemm>(m, n, k, dtype);
}

}  // namespace moeperf::reference
