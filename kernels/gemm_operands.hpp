#pragma once

#include "kernels/base/buffer.hpp"

#include <cstdint>

namespace moeperf {

/// Element of what every PlainGemm multiplies, A [M,K] and the transposed B [N,K] alike: a pure function of its place.
/// Small numbers of both signs, since zeros could be multiplied faster, and subnormals slower, than what a layer has;
/// exact in every type, as are their sums in f32 up to K = 2^18.
constexpr float gemm_operand(std::int64_t row, std::int64_t col) {
  auto bits = (static_cast<std::uint64_t>(row) << 32 ^ static_cast<std::uint64_t>(col)) * 0x9e3779b97f4a7c15u;
  bits = (bits ^ bits >> 32) * 0xd6e8feb86659fd93u;
  return static_cast<float>(static_cast<int>((bits >> 40) % 17) - 8) * 0.125f;
}

/// An operand [num_rows, num_cols] in host memory.
RowBuffer gemm_operand_rows(std::int64_t num_rows, std::int64_t num_cols, DType dtype);

}  // namespace moeperf
