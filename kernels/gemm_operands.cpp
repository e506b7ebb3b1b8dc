#include "kernels/gemm_operands.hpp"

namespace moeperf {

RowBuffer gemm_operand_rows(std::int64_t num_rows, std::int64_t num_cols, DType dtype) {
  RowBuffer operand(num_rows, num_cols, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using Element = decltype(zero);
#pragma omp parallel for schedule(static)
    for (std::int64_t row = 0; row < num_rows; ++row) {
      Element* values = operand.rows().row<Element>(row);
      for (std::int64_t col = 0; col < num_cols; ++col) values[col] = Element(gemm_operand(row, col));
    }
  });
  return operand;
}

}  // namespace moeperf
