#pragma once

#include "kernels/cpu/lanes.hpp"

#include <cstdint>

// Sixteen 32-bit integers beside the sixteen binary32 of lanes.hpp, for work on the bits of numbers. Comparisons are
// signed.
namespace moeperf::MOEPERF_ISA {

#if defined(__AVX512F__)

struct Words {
  __m512i v;
};
inline Words all_words(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
inline Words bits(Lanes a) { return {_mm512_castps_si512(a.v)}; }
inline Lanes numbers(Words a) { return {_mm512_castsi512_ps(a.v)}; }
inline Words operator&(Words a, Words b) { return {_mm512_and_si512(a.v, b.v)}; }
inline Words operator|(Words a, Words b) { return {_mm512_or_si512(a.v, b.v)}; }
inline Words operator+(Words a, Words b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline Words operator-(Words a, Words b) { return {_mm512_sub_epi32(a.v, b.v)}; }
inline Words operator<<(Words a, int n) { return {_mm512_slli_epi32(a.v, static_cast<unsigned>(n))}; }
inline Words operator>>(Words a, int n) { return {_mm512_srli_epi32(a.v, static_cast<unsigned>(n))}; }
inline Words min(Words a, Words b) { return {_mm512_min_epi32(a.v, b.v)}; }
inline Words max(Words a, Words b) { return {_mm512_max_epi32(a.v, b.v)}; }
inline Words if_less(Words a, Words b, Words then, Words otherwise) {
  return {_mm512_mask_blend_epi32(_mm512_cmplt_epi32_mask(a.v, b.v), otherwise.v, then.v)};
}
inline std::int32_t largest(Words a) { return _mm512_reduce_max_epi32(a.v); }
inline Words load_bytes(const std::uint8_t* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline void store_bytes(std::uint8_t* p, Words a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a.v));
}
inline Lanes multiply(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Lanes add(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }

#elif defined(__AVX2__)

struct Words {
  __m256i lo, hi;
};
inline Words all_words(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
inline Words bits(Lanes a) { return {_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)}; }
inline Lanes numbers(Words a) { return {_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)}; }
inline Words operator&(Words a, Words b) { return {_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)}; }
inline Words operator|(Words a, Words b) { return {_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)}; }
inline Words operator+(Words a, Words b) { return {_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)}; }
inline Words operator-(Words a, Words b) { return {_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)}; }
inline Words operator<<(Words a, int n) { return {_mm256_slli_epi32(a.lo, n), _mm256_slli_epi32(a.hi, n)}; }
inline Words operator>>(Words a, int n) { return {_mm256_srli_epi32(a.lo, n), _mm256_srli_epi32(a.hi, n)}; }
inline Words min(Words a, Words b) { return {_mm256_min_epi32(a.lo, b.lo), _mm256_min_epi32(a.hi, b.hi)}; }
inline Words max(Words a, Words b) { return {_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)}; }
inline Words if_less(Words a, Words b, Words then, Words otherwise) {
  return {_mm256_blendv_epi8(otherwise.lo, then.lo, _mm256_cmpgt_epi32(b.lo, a.lo)),
          _mm256_blendv_epi8(otherwise.hi, then.hi, _mm256_cmpgt_epi32(b.hi, a.hi))};
}
inline std::int32_t largest(Words a) {
  const __m256i eight = _mm256_max_epi32(a.lo, a.hi);
  const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xb1)));
}
inline Words load_bytes(const std::uint8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
}
inline void store_bytes(std::uint8_t* p, Words a) {
  const __m256i halves = _mm256_permute4x64_epi64(_mm256_packus_epi32(a.lo, a.hi), 0xd8);
  const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(halves, halves), 0xd8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(bytes));
}
inline Lanes multiply(Lanes a, Lanes b) { return {_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)}; }
inline Lanes add(Lanes a, Lanes b) { return {_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)}; }

#else

struct Words {
  std::uint32_t v[16];
};
template <class Function>
Words each(Function value_at) {
  Words a;
  for (int l = 0; l < 16; ++l) a.v[l] = value_at(l);
  return a;
}
inline bool is_less(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b);
}
inline Words all_words(std::int32_t x) {
  return each([=](int) { return static_cast<std::uint32_t>(x); });
}
inline Words bits(const Lanes& a) {
  Words b;
  std::memcpy(b.v, a.v, sizeof b.v);
  return b;
}
inline Lanes numbers(const Words& a) {
  Lanes b;
  std::memcpy(b.v, a.v, sizeof b.v);
  return b;
}
inline Words operator&(const Words& a, const Words& b) {
  return each([&](int l) { return a.v[l] & b.v[l]; });
}
inline Words operator|(const Words& a, const Words& b) {
  return each([&](int l) { return a.v[l] | b.v[l]; });
}
inline Words operator+(const Words& a, const Words& b) {
  return each([&](int l) { return a.v[l] + b.v[l]; });
}
inline Words operator-(const Words& a, const Words& b) {
  return each([&](int l) { return a.v[l] - b.v[l]; });
}
inline Words operator<<(const Words& a, int n) {
  return each([&](int l) { return a.v[l] << n; });
}
inline Words operator>>(const Words& a, int n) {
  return each([&](int l) { return a.v[l] >> n; });
}
inline Words min(const Words& a, const Words& b) {
  return each([&](int l) { return is_less(a.v[l], b.v[l]) ? a.v[l] : b.v[l]; });
}
inline Words max(const Words& a, const Words& b) {
  return each([&](int l) { return is_less(a.v[l], b.v[l]) ? b.v[l] : a.v[l]; });
}
inline Words if_less(const Words& a, const Words& b, const Words& then, const Words& otherwise) {
  return each([&](int l) { return is_less(a.v[l], b.v[l]) ? then.v[l] : otherwise.v[l]; });
}
inline std::int32_t largest(const Words& a) {
  std::uint32_t most = a.v[0];
  for (const std::uint32_t word : a.v) most = is_less(most, word) ? word : most;
  return static_cast<std::int32_t>(most);
}
inline Words load_bytes(const std::uint8_t* p) {
  return each([=](int l) { return std::uint32_t{p[l]}; });
}
inline void store_bytes(std::uint8_t* p, const Words& a) {
  for (int l = 0; l < 16; ++l) p[l] = static_cast<std::uint8_t>(a.v[l]);
}
inline Lanes multiply(const Lanes& a, const Lanes& b) {
  Lanes c;
  for (int l = 0; l < 16; ++l) c.v[l] = a.v[l] * b.v[l];
  return c;
}
inline Lanes add(const Lanes& a, const Lanes& b) {
  Lanes c;
  for (int l = 0; l < 16; ++l) c.v[l] = a.v[l] + b.v[l];
  return c;
}

#endif

}  // namespace moeperf::MOEPERF_ISA
