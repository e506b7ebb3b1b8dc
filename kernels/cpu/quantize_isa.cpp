// encode_fp8, block by block: largest = max |row[i]| of the finite ones; scale = max(largest / 448, 2^-126)
//                             for i: code[i] = e4m3(row[i] · (1 / scale))
// decode_fp8:                 for i: row[i] = code[i] · scale, rounded
//
// The conversions are Float8's, without branches.

#include "kernels/cpu/quantize_kernels.hpp"
#include "kernels/cpu/word_lanes.hpp"

#include <bit>

namespace moeperf::MOEPERF_ISA {
namespace {

constexpr std::int32_t magnitude_bits = 0x7fffffff, infinity = 0x7f800000, quiet_nan = 0x7fc00000;
constexpr std::int32_t sign_code = 0x80, nan_code = 0x7f;
constexpr std::int32_t exponent_shift = (127 - 7) << 3;  // between the exponents of binary32 and e4m3, in codes
constexpr int lanes_of_block = Fp8Layout::block / 16;

/// The codes of 16 scaled numbers. What is finite is at most 448 but for a few units in the last place, so that nothing
/// finite is rounded to the code after the largest: NaN, to which limiting the code takes NaN and infinity.
inline Words codes_of(Lanes scaled) {
  const Words word = bits(scaled), magnitude = word & all_words(magnitude_bits);
  const Words odd = (magnitude >> 20) & all_words(1);
  const Words normal = ((magnitude + all_words(0x7ffff) + odd) >> 20) - all_words(exponent_shift);
  // Beside 2^14 the last place of a number counts 2^-9, as a subnormal code does.
  const Lanes beside = add(numbers(magnitude), all(0x1p14f));
  const Words subnormal = bits(beside) - bits(all(0x1p14f));
  const Words code = if_less(magnitude, bits(all(0x1p-6f)), subnormal, min(normal, all_words(nan_code)));
  return code | ((word >> 24) & all_words(sign_code));
}

/// The inverse.
inline Lanes values_of(Words codes) {
  const Words code = codes & all_words(nan_code);
  const Words normal = (code << 20) + all_words(exponent_shift << 20);
  const Words subnormal = bits(add(numbers(bits(all(0x1p14f)) + code), all(-0x1p14f)));
  const Words finite = if_less(code, all_words(8), subnormal, normal);
  const Words magnitude = if_less(code, all_words(nan_code), finite, all_words(quiet_nan));
  return numbers(magnitude | ((codes & all_words(sign_code)) << 24));
}

/// The largest magnitude of 128 values as a word, of the finite ones if the others are to be left out. Words order as
/// magnitudes do, and NaN comes after infinity.
template <bool only_finite, class Element>
std::int32_t largest_magnitude(const Element* row) {
  Words most = all_words(0);
#pragma GCC unroll 8
  for (int l = 0; l < lanes_of_block; ++l) {
    const Words magnitude = bits(load_as_f32(row + 16 * l)) & all_words(magnitude_bits);
    most = max(most, only_finite ? if_less(magnitude, all_words(infinity), magnitude, all_words(0)) : magnitude);
  }
  return largest(most);
}

/// Of 128 values.
template <class Element>
float block_scale(const Element* row) {
  std::int32_t most = largest_magnitude<false>(row);
  if (most >= infinity) most = largest_magnitude<true>(row);
  const float by_largest = std::bit_cast<float>(most) / 448.0f;
  return by_largest < 0x1p-126f ? 0x1p-126f : by_largest;
}

template <class Element>
void encode_block(const Element* row, float scale, std::uint8_t* codes) {
  const Lanes inverse = all(1.0f / scale);
#pragma GCC unroll 8
  for (int l = 0; l < lanes_of_block; ++l) {
    store_bytes(codes + 16 * l, codes_of(multiply(load_as_f32(row + 16 * l), inverse)));
  }
}

template <class Element>
void decode_block(const std::uint8_t* codes, float scale, Element* row) {
#pragma GCC unroll 8
  for (int l = 0; l < lanes_of_block; ++l) {
    store_rounded(row + 16 * l, multiply(values_of(load_bytes(codes + 16 * l)), all(scale)));
  }
}

/// A last block that is shorter goes through memory that is not.
template <class Element>
float encode_short_block(const Element* row, std::int64_t count, std::uint8_t* codes) {
  Element whole[Fp8Layout::block] = {};
  std::uint8_t whole_codes[Fp8Layout::block];
  std::memcpy(whole, row, static_cast<std::size_t>(count) * sizeof(Element));
  const float scale = block_scale(whole);
  encode_block(whole, scale, whole_codes);
  std::memcpy(codes, whole_codes, static_cast<std::size_t>(count));
  return scale;
}

template <class Element>
void decode_short_block(const std::uint8_t* codes, float scale, std::int64_t count, Element* row) {
  Element whole[Fp8Layout::block];
  std::uint8_t whole_codes[Fp8Layout::block] = {};
  std::memcpy(whole_codes, codes, static_cast<std::size_t>(count));
  decode_block(whole_codes, scale, whole);
  std::memcpy(row, whole, static_cast<std::size_t>(count) * sizeof(Element));
}

inline void put_scale(std::byte* scales, std::int64_t block, float scale) {
  std::memcpy(scales + block * std::int64_t{sizeof scale}, &scale, sizeof scale);
}
inline float scale_of(const std::byte* scales, std::int64_t block) {
  float scale;
  std::memcpy(&scale, scales + block * std::int64_t{sizeof scale}, sizeof scale);
  return scale;
}

template <class Element>
void encode_row(const Element* row, Fp8Layout layout, std::byte* wire) {
  auto* codes = reinterpret_cast<std::uint8_t*>(wire);
  std::byte* scales = wire + layout.scales_offset();
  std::memset(codes + layout.hidden, 0, static_cast<std::size_t>(layout.scales_offset() - layout.hidden));
  // All scales before all codes: a scale takes long to come out of a block, but several can be on their way at once.
  const std::int64_t whole_blocks = layout.hidden / Fp8Layout::block;
  for (std::int64_t b = 0; b < whole_blocks; ++b) put_scale(scales, b, block_scale(row + b * Fp8Layout::block));
  for (std::int64_t b = 0; b < whole_blocks; ++b) {
    encode_block(row + b * Fp8Layout::block, scale_of(scales, b), codes + b * Fp8Layout::block);
  }
  const std::int64_t first = whole_blocks * Fp8Layout::block;
  if (first == layout.hidden) return;
  put_scale(scales, whole_blocks, encode_short_block(row + first, layout.hidden - first, codes + first));
}

template <class Element>
void decode_row(const std::byte* wire, Fp8Layout layout, Element* row) {
  const auto* codes = reinterpret_cast<const std::uint8_t*>(wire);
  const std::byte* scales = wire + layout.scales_offset();
  for (std::int64_t b = 0; b < layout.num_blocks(); ++b) {
    const std::int64_t first = b * Fp8Layout::block, left = layout.hidden - first;
    const float scale = scale_of(scales, b);
    if (left < Fp8Layout::block) {
      decode_short_block(codes + first, scale, left, row + first);
    } else {
      decode_block(codes + first, scale, row + first);
    }
  }
}

void encode_fp8(const void* row, DType dtype, Fp8Layout layout, std::byte* wire) {
  if (dtype == DType::f32) {
    encode_row(static_cast<const float*>(row), layout, wire);
  } else {
    encode_row(static_cast<const std::uint16_t*>(row), layout, wire);
  }
}

void decode_fp8(const std::byte* wire, Fp8Layout layout, DType dtype, void* row) {
  if (dtype == DType::f32) {
    decode_row(wire, layout, static_cast<float*>(row));
  } else {
    decode_row(wire, layout, static_cast<std::uint16_t*>(row));
  }
}

}  // namespace

const cpu::QuantizeKernels quantize_kernels{encode_fp8, decode_fp8};

}  // namespace moeperf::MOEPERF_ISA
