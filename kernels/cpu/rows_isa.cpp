// stream_copy:  to[:] = from[:]
// weighted_sum: for i: out[i] = fma chain over k of weights[k] · in[rows[k],i]
// swiglu:       for i: out[i] = silu(gate[i]) · up[i]

#include "kernels/cpu/lanes.hpp"
#include "kernels/cpu/row_kernels.hpp"
#include "kernels/score_math.hpp"

namespace moeperf::MOEPERF_ISA {
namespace {

void stream_copy(const void* from, std::int64_t bytes, void* to) {
#if defined(__AVX2__)
  const auto* source = static_cast<const std::byte*>(from);
  auto* target = static_cast<std::byte*>(to);
  std::int64_t at = 0;
#if defined(__AVX512F__)
  if (reinterpret_cast<std::uintptr_t>(target) % 64 == 0) {
    for (; at + 256 <= bytes; at += 256) {
      const __m512i a = _mm512_loadu_si512(source + at), b = _mm512_loadu_si512(source + at + 64);
      const __m512i c = _mm512_loadu_si512(source + at + 128), d = _mm512_loadu_si512(source + at + 192);
      _mm512_stream_si512(reinterpret_cast<__m512i*>(target + at), a);
      _mm512_stream_si512(reinterpret_cast<__m512i*>(target + at + 64), b);
      _mm512_stream_si512(reinterpret_cast<__m512i*>(target + at + 128), c);
      _mm512_stream_si512(reinterpret_cast<__m512i*>(target + at + 192), d);
    }
  }
#else
  if (reinterpret_cast<std::uintptr_t>(target) % 64 == 0) {
    for (; at + 64 <= bytes; at += 64) {
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + at));
      const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + at + 32));
      _mm256_stream_si256(reinterpret_cast<__m256i*>(target + at), a);
      _mm256_stream_si256(reinterpret_cast<__m256i*>(target + at + 32), b);
    }
  }
#endif
  std::memcpy(target + at, source + at, static_cast<std::size_t>(bytes - at));
#else
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
#endif
}

void fence() {
#if defined(__AVX2__)
  _mm_sfence();
#endif
}

/// `num_lanes` sets of 16 sums stay in registers while the rows are walked.
template <int num_lanes, class Element>
void sum_columns(const Element* in, const std::int64_t* rows, const float* weights, std::int32_t top_k, std::int64_t n,
                 Element* out) {
  Lanes sum[num_lanes];
#pragma GCC unroll 8
  for (int l = 0; l < num_lanes; ++l) sum[l] = all(0.0f);
  for (std::int32_t k = 0; k < top_k; ++k) {
    if (rows[k] < 0) continue;
    const Element* row = in + rows[k] * n;
    const Lanes weight = all(weights[k]);
#pragma GCC unroll 8
    for (int l = 0; l < num_lanes; ++l) sum[l] = fma(weight, load_as_f32(row + 16 * l), sum[l]);
  }
#pragma GCC unroll 8
  for (int l = 0; l < num_lanes; ++l) store_rounded(out + 16 * l, sum[l]);
}

template <class Element>
void sum_rows(const Element* in, const std::int64_t* rows, const float* weights, std::int32_t top_k, std::int64_t n,
              Element* out) {
  std::int64_t i = 0;
  for (; i + 128 <= n; i += 128) sum_columns<8>(in + i, rows, weights, top_k, n, out + i);
  for (; i + 16 <= n; i += 16) sum_columns<1>(in + i, rows, weights, top_k, n, out + i);
  if (i == n) return;
  Lanes sum = all(0.0f);
  for (std::int32_t k = 0; k < top_k; ++k) {
    if (rows[k] >= 0) sum = fma(all(weights[k]), load_first(in + rows[k] * n + i, n - i), sum);
  }
  store_first(out + i, sum, n - i);
}

void weighted_sum(const void* in, const std::int64_t* rows, const float* weights, std::int32_t top_k, std::int64_t n,
                  DType dtype, void* out) {
  if (dtype == DType::f32) {
    sum_rows(static_cast<const float*>(in), rows, weights, top_k, n, static_cast<float*>(out));
  } else {
    sum_rows(static_cast<const std::uint16_t*>(in), rows, weights, top_k, n, static_cast<std::uint16_t*>(out));
  }
}

void widen(const BFloat16* from, std::int64_t n, float* to) {
  const auto* bits = reinterpret_cast<const std::uint16_t*>(from);
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) store(to + i, load_bf16(bits + i));
  if (i < n) store_first(to + i, load_first(bits + i, n - i), n - i);
}

void narrow(const float* from, std::int64_t n, BFloat16* to) {
  auto* bits = reinterpret_cast<std::uint16_t*>(to);
  std::int64_t i = 0;
  for (; i + 16 <= n; i += 16) store_bf16(bits + i, load(from + i));
  if (i < n) store_first(bits + i, load_first(from + i, n - i), n - i);
}

/// Applies `value_at(i)` for each i and rounds, 64 at a time so that the values wait in the first-level cache.
template <class ValueAt>
void round_each(std::int64_t n, DType dtype, bool wide, void* out, ValueAt value_at) {
  for (std::int64_t first = 0; first < n; first += 64) {
    const std::int64_t count = n - first < 64 ? n - first : 64;
    float values[64];
    if (count == 64) {
      for (int i = 0; i < 64; ++i) values[i] = value_at(first + i);
    } else {
      for (std::int64_t i = 0; i < count; ++i) values[i] = value_at(first + i);
    }
    BFloat16 rounded[64];
    if (dtype == DType::f32) {
      std::memcpy(static_cast<float*>(out) + first, values, static_cast<std::size_t>(count) * sizeof(float));
    } else if (wide) {
      narrow(values, count, rounded);
      widen(rounded, count, static_cast<float*>(out) + first);
    } else {
      narrow(values, count, static_cast<BFloat16*>(out) + first);
    }
  }
}

void swiglu(const float* gate_up, std::int64_t n, DType dtype, bool wide, void* out) {
  round_each(n, dtype, wide, out, [=](std::int64_t i) { return gate_up[i] * sigmoid(gate_up[i]) * gate_up[n + i]; });
}

void relu(const float* up, std::int64_t n, DType dtype, bool wide, void* out) {
  round_each(n, dtype, wide, out, [=](std::int64_t i) { return up[i] > 0.0f ? up[i] : 0.0f; });
}

}  // namespace

const cpu::RowKernels row_kernels{stream_copy, fence, weighted_sum, swiglu, relu, widen, narrow};

}  // namespace moeperf::MOEPERF_ISA
