#include "kernels/quantize.hpp"

#include "kernels/base/float8.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {

std::string_view name(WireType type) {
  switch (type) {
    case WireType::bf16:
      return "bf16";
    case WireType::fp8:
      return "fp8";
    case WireType::f32:
      break;
  }
  return "f32";
}

std::optional<WireType> parse_wire_type(std::string_view text) {
  for (const WireType type : wire_types) {
    if (text == name(type)) return type;
  }
  return std::nullopt;
}

WireType native_wire_type(DType dtype) {
  assert(dtype != DType::u8);
  return dtype == DType::bf16 ? WireType::bf16 : WireType::f32;
}

RowFormat wire_format(std::int64_t hidden, WireType type) {
  if (type == WireType::fp8) return {Fp8Layout{hidden}.bytes(), DType::u8};
  return {hidden, type == WireType::bf16 ? DType::bf16 : DType::f32};
}

double fp8_error_bound(double x, double largest, DType dtype) {
  const double scale = std::max(largest / Float8::largest, 0x1p-126);
  const double roundings = dtype == DType::bf16 ? 0x1p-4 : 0x1p-16;  // of everything but the code, relative to it
  return std::max(std::abs(x) * 0x1p-4, scale * 0x1p-10) * (1 + roundings);
}

}  // namespace moeperf
