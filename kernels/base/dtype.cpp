#include "kernels/base/dtype.hpp"

namespace moeperf {

std::string_view name(DType dtype) { return dtype == DType::f32 ? "f32" : "bf16"; }

std::optional<DType> parse_dtype(std::string_view text) {
  if (text == name(DType::f32)) return DType::f32;
  if (text == name(DType::bf16)) return DType::bf16;
  return std::nullopt;
}

}  // namespace moeperf
