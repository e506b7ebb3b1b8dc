#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace moeperf {

/// e4m3 of the OCP 8-bit floating point specification (E4M3FN): a sign, 4 bits of exponent (bias 7), 3 of mantissa.
/// Largest finite value 448, smallest normal one 2^-6, subnormals count 2^-9; no infinities, NaN is 0x7f and 0xff.
/// Conversion from float rounds to nearest, ties to even; what is finite saturates at 448. NaN and the infinities,
/// which have no code of their own, become NaN of their sign.
struct Float8 {
  static constexpr float largest = 448.0f;

  std::uint8_t bits = 0;

  Float8() = default;
  explicit Float8(float value) {
    const auto word = std::bit_cast<std::uint32_t>(value);
    const float magnitude = std::fabs(value);
    std::uint32_t code;
    if (!(magnitude <= std::numeric_limits<float>::max())) {
      code = 0x7f;
    } else if (magnitude < 0x1p-6f) {
      code = static_cast<std::uint32_t>(std::nearbyint(magnitude * 0x1p9f));  // 8 is the code of 2^-6
    } else {
      const std::uint32_t wide = word & 0x7fffffffu;
      const std::uint32_t rounded = wide + 0x7ffffu + ((wide >> 20) & 1u);
      code = std::min((rounded >> 20) - ((127u - 7u) << 3), 0x7eu);
    }
    bits = static_cast<std::uint8_t>(((word >> 24) & 0x80u) | code);
  }
  explicit operator float() const {
    const std::uint32_t sign = (bits & 0x80u) << 24, code = bits & 0x7fu;
    if (code == 0x7f) return std::bit_cast<float>(sign | 0x7fc00000u);
    const float magnitude =
        code < 8 ? static_cast<float>(code) * 0x1p-9f : std::bit_cast<float>((code << 20) + ((127u - 7u) << 23));
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
  }
};

}  // namespace moeperf
