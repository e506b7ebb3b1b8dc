#pragma once

#include "kernels/workload.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

// The binary32 scores, for inlining into code that is compiled once per instruction set: MOEPERF_ISA names the
// namespace, so that the linker cannot hand AVX-512 code to a machine without it. For the same reason nothing here
// leaves a call into the standard library's templates. Others include kernels/scores.hpp.
#ifndef MOEPERF_ISA
#define MOEPERF_ISA generic
#endif

namespace moeperf::MOEPERF_ISA {

/// e^x for x ≤ 0, within 2 units in the last place down to the subnormals, 0 below −104. Branch-free; only IEEE
/// operations and explicit fused multiply-adds, hence the same bits on every instruction set.
inline float exp_nonpositive(float x) {
  const float clamped = x < -150.0f ? -150.0f : x;
  constexpr float round_to_int = 12582912.0f;  // 1.5 · 2^23: adding it leaves the integer in the low mantissa bits
  const float shifted = std::fma(clamped, 1.44269504088896341f, round_to_int);
  const float n = shifted - round_to_int;
  float r = std::fma(n, -0.693359375f, clamped);  // ln 2 in two parts: n times the first is exact
  r = std::fma(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;  // Cephes' expf
  p = std::fma(p, r, 1.3981999507e-3f);
  p = std::fma(p, r, 8.3334519073e-3f);
  p = std::fma(p, r, 4.1665795894e-2f);
  p = std::fma(p, r, 1.6666665459e-1f);
  p = std::fma(p, r, 5.0000001201e-1f);
  p = std::fma(p, r * r, r) + 1.0f;
  // 2^n in two factors, each a normal number, so that the product runs into the subnormals as it should.
  const std::int32_t power = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(round_to_int);
  const std::int32_t half = power >> 1;
  return p * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((power - half + 127) << 23);
}

/// log(1 + y) for y in [0, 1]: the series of 2·atanh(w) at w = y/(2 + y) ≤ 1/3; its first missing term is 3e-10.
inline float log1p_unit(float y) {
  const float w = y / (2.0f + y);
  const float w2 = w * w;
  float p = 2.0f / 17.0f;
  p = std::fma(p, w2, 2.0f / 15.0f);
  p = std::fma(p, w2, 2.0f / 13.0f);
  p = std::fma(p, w2, 2.0f / 11.0f);
  p = std::fma(p, w2, 2.0f / 9.0f);
  p = std::fma(p, w2, 2.0f / 7.0f);
  p = std::fma(p, w2, 2.0f / 5.0f);
  p = std::fma(p, w2, 2.0f / 3.0f);
  return std::fma(p, w2 * w, 2.0f * w);
}

inline float minus_abs(float z) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(z) | 0x80000000u); }

inline float sigmoid(float z) {
  const float e = exp_nonpositive(minus_abs(z));
  return (z < 0.0f ? e : 1.0f) / (1.0f + e);
}

inline float sqrt_softplus(float z) {
  return std::sqrt((z > 0.0f ? z : 0.0f) + log1p_unit(exp_nonpositive(minus_abs(z))));
}

/// Softmax of n values. Maximum and sum run in 16 lanes (element e in lane e mod 16), then over the lanes in order.
inline void softmax_row(const float* __restrict logits, std::int64_t n, float* __restrict scores) {
  float lanes[16];
  for (int l = 0; l < 16; ++l) lanes[l] = -__builtin_inff();
  const std::int64_t whole = n / 16 * 16;
  for (std::int64_t first = 0; first < whole; first += 16) {
    for (int l = 0; l < 16; ++l) lanes[l] = lanes[l] < logits[first + l] ? logits[first + l] : lanes[l];
  }
  for (std::int64_t e = whole; e < n; ++e)
    lanes[e - whole] = lanes[e - whole] < logits[e] ? logits[e] : lanes[e - whole];
  float top = lanes[0];
  for (int l = 1; l < 16; ++l) top = top < lanes[l] ? lanes[l] : top;

  for (std::int64_t e = 0; e < n; ++e) scores[e] = exp_nonpositive(logits[e] - top);

  for (int l = 0; l < 16; ++l) lanes[l] = 0.0f;
  for (std::int64_t first = 0; first < whole; first += 16) {
    for (int l = 0; l < 16; ++l) lanes[l] += scores[first + l];
  }
  for (std::int64_t e = whole; e < n; ++e) lanes[e - whole] += scores[e];
  float sum = 0.0f;
  for (int l = 0; l < 16; ++l) sum += lanes[l];
  const float scale = 1.0f / sum;
  for (std::int64_t e = 0; e < n; ++e) scores[e] *= scale;
}

inline void score_row(Score score, const float* __restrict logits, std::int64_t n, float* __restrict scores) {
  switch (score) {
    case Score::softmax:
      softmax_row(logits, n, scores);
      break;
    case Score::sigmoid:
      for (std::int64_t e = 0; e < n; ++e) scores[e] = sigmoid(logits[e]);
      break;
    case Score::sqrt_softplus:
      for (std::int64_t e = 0; e < n; ++e) scores[e] = sqrt_softplus(logits[e]);
      break;
  }
}

}  // namespace moeperf::MOEPERF_ISA
