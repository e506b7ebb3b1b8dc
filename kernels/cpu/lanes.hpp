#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef MOEPERF_ISA
#define MOEPERF_ISA generic
#endif

// Sixteen binary32 lanes on every instruction set: one zmm, two ymm or a plain array. Kernels are written once in
// terms of them. Conversions of bf16 are those of BFloat16.
namespace moeperf::MOEPERF_ISA {

#if defined(__AVX512F__)

struct Lanes {
  __m512 v;
};
inline Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, Lanes a) { _mm512_storeu_ps(p, a.v); }
inline Lanes all(float x) { return {_mm512_set1_ps(x)}; }
inline Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Lanes max(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
inline std::uint32_t equal(Lanes a, Lanes b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
inline Lanes load_bf16(const std::uint16_t* p) {
  const __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(words, 16))};
}
inline void store_bf16(std::uint16_t* p, Lanes a) {
  const __m512i word = _mm512_castps_si512(a.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(word, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(word, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __m512i quiet = _mm512_or_si512(word, _mm512_set1_epi32(0x00400000));
  const __m512i kept = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), rounded, quiet);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16)));
}

#elif defined(__AVX2__)

struct Lanes {
  __m256 lo, hi;
};
inline Lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void store(float* p, Lanes a) {
  _mm256_storeu_ps(p, a.lo);
  _mm256_storeu_ps(p + 8, a.hi);
}
inline Lanes all(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline Lanes fma(Lanes a, Lanes b, Lanes c) {
  return {_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
inline Lanes max(Lanes a, Lanes b) { return {_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)}; }
inline std::uint32_t equal(Lanes a, Lanes b) {
  const auto lo = static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ)));
  const auto hi = static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)));
  return lo | hi << 8;
}
inline __m256 widened(__m128i bf16) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bf16), 16)); }
inline Lanes load_bf16(const std::uint16_t* p) {
  return {widened(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
          widened(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 8)))};
}
inline __m256i rounded_to_bf16(__m256 a) {
  const __m256i word = _mm256_castps_si256(a);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(word, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(word, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(word, _mm256_set1_epi32(0x00400000));
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
  return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, is_nan), 16);
}
inline void store_bf16(std::uint16_t* p, Lanes a) {
  const __m256i packed = _mm256_packus_epi32(rounded_to_bf16(a.lo), rounded_to_bf16(a.hi));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
}

#else

struct Lanes {
  float v[16];
};
inline Lanes load(const float* p) {
  Lanes a;
  std::memcpy(a.v, p, sizeof a.v);
  return a;
}
inline void store(float* p, const Lanes& a) { std::memcpy(p, a.v, sizeof a.v); }
inline Lanes all(float x) {
  Lanes a;
  for (float& lane : a.v) lane = x;
  return a;
}
inline Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {
  Lanes d;
  for (int l = 0; l < 16; ++l) d.v[l] = std::fma(a.v[l], b.v[l], c.v[l]);
  return d;
}
inline Lanes max(const Lanes& a, const Lanes& b) {
  Lanes c;
  for (int l = 0; l < 16; ++l) c.v[l] = a.v[l] > b.v[l] ? a.v[l] : b.v[l];
  return c;
}
inline std::uint32_t equal(const Lanes& a, const Lanes& b) {
  std::uint32_t mask = 0;
  for (int l = 0; l < 16; ++l) mask |= static_cast<std::uint32_t>(a.v[l] == b.v[l]) << l;
  return mask;
}
inline Lanes load_bf16(const std::uint16_t* p) {
  Lanes a;
  for (int l = 0; l < 16; ++l) {
    const std::uint32_t word = static_cast<std::uint32_t>(p[l]) << 16;
    std::memcpy(a.v + l, &word, sizeof word);
  }
  return a;
}
inline void store_bf16(std::uint16_t* p, const Lanes& a) {
  for (int l = 0; l < 16; ++l) {
    std::uint32_t word;
    std::memcpy(&word, a.v + l, sizeof word);
    const bool is_nan = (word & 0x7fffffffu) > 0x7f800000u;
    word = is_nan ? (word | 0x00400000u) : word + 0x7fffu + ((word >> 16) & 1u);
    p[l] = static_cast<std::uint16_t>(word >> 16);
  }
}

#endif

/// The lanes from memory that holds only the first `count` of them; the others are 0.
inline Lanes load_first(const float* p, std::int64_t count) {
  float lanes[16] = {};
  std::memcpy(lanes, p, static_cast<std::size_t>(count) * sizeof(float));
  return load(lanes);
}
inline void store_first(float* p, const Lanes& a, std::int64_t count) {
  float lanes[16];
  store(lanes, a);
  std::memcpy(p, lanes, static_cast<std::size_t>(count) * sizeof(float));
}
inline Lanes load_first(const std::uint16_t* p, std::int64_t count) {
  std::uint16_t lanes[16] = {};
  std::memcpy(lanes, p, static_cast<std::size_t>(count) * sizeof(std::uint16_t));
  return load_bf16(lanes);
}
inline void store_first(std::uint16_t* p, const Lanes& a, std::int64_t count) {
  std::uint16_t lanes[16];
  store_bf16(lanes, a);
  std::memcpy(p, lanes, static_cast<std::size_t>(count) * sizeof(std::uint16_t));
}

inline Lanes load_as_f32(const float* p) { return load(p); }
inline Lanes load_as_f32(const std::uint16_t* p) { return load_bf16(p); }
inline void store_rounded(float* p, const Lanes& a) { store(p, a); }
inline void store_rounded(std::uint16_t* p, const Lanes& a) { store_bf16(p, a); }

}  // namespace moeperf::MOEPERF_ISA
