#include "kernels/base/dtype.hpp"

namespace moeperf {

std::string_view name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::bf16:
      return "bf16";
    case DType::u8:
      break;
  }
  return "u8";
}

std::optional<DType> parse_dtype(std::string_view text) {
  if (text == name(DType::f32)) return DType::f32;
  if (text == name(DType::bf16)) return DType::bf16;
  return std::nullopt;
}

}  // namespace moeperf
