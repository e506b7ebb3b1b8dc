#pragma once

#include <bit>
#include <cassert>
#include <cstdint>
#include <optional>
#include <string_view>

namespace moeperf {

/// Element type of a row of numbers. Names are permanent: they appear in reports.
/// u8 stands for opaque bytes, such as rows encoded for the wire: nothing computes with it.
enum class DType : std::uint8_t { f32, bf16, u8 };

/// "f32", "bf16" or "u8".
std::string_view name(DType dtype);

/// The inverse of name() for the types that models compute with; nothing for other text.
std::optional<DType> parse_dtype(std::string_view text);

/// Bytes of one element.
constexpr std::int64_t size_bytes(DType dtype) { return dtype == DType::f32 ? 4 : dtype == DType::bf16 ? 2 : 1; }

/// bfloat16: the upper half of an IEEE binary32. Conversion from float rounds to nearest, ties to
/// even; NaN stays NaN (quiet), infinities and overflow behave as in IEEE.
struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  explicit BFloat16(float value) {
    auto word = std::bit_cast<std::uint32_t>(value);
    const bool is_nan = (word & 0x7fffffffu) > 0x7f800000u;
    word = is_nan ? (word | 0x00400000u) : word + 0x7fffu + ((word >> 16) & 1u);
    bits = static_cast<std::uint16_t>(word >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

/// Calls `body` with a value of the C++ type that stands for `dtype` (float or BFloat16): the one
/// place where a run-time element type turns into a template argument. Not for u8.
template <class Body>
decltype(auto) visit_dtype(DType dtype, Body&& body) {
  assert(dtype != DType::u8);
  return dtype == DType::f32 ? body(float{}) : body(BFloat16{});
}

}  // namespace moeperf
