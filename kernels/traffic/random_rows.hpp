#pragma once

#include "kernels/base/dtype.hpp"
#include "kernels/base/philox.hpp"

#include <algorithm>
#include <cstdint>

namespace moeperf {

// Rows of independent variates of mean 0 and variance 1 (see unit_variance()), from 16 bits each, so
// eight from a Philox block. A *group* of 128 values takes 16 blocks; its layout
//
//   value[32·word + 16·half + lane] = half-word `half` of word `word` of block `lane`
//
// puts the blocks side by side in vector lanes. The layout is part of the streams' definition.

constexpr std::int64_t random_group_length = 128;

/// Values 128·group … 128·group + 127 of the row (seed, stream, item).
inline void fill_random_group(std::uint64_t seed, RandomStream stream, std::uint64_t item, std::int64_t group,
                              float* __restrict out) {
  constexpr int lanes = 16;
  std::uint32_t words[4][lanes];
  const auto first = static_cast<std::uint32_t>(group * lanes);
#pragma omp simd
  for (int lane = 0; lane < lanes; ++lane) {
    // random_bits(), written out so that the compiler keeps one block per vector lane.
    std::uint32_t c0 = first + static_cast<std::uint32_t>(lane);
    std::uint32_t c1 = static_cast<std::uint32_t>(stream);
    std::uint32_t c2 = static_cast<std::uint32_t>(item);
    std::uint32_t c3 = static_cast<std::uint32_t>(item >> 32);
    std::uint32_t k0 = static_cast<std::uint32_t>(seed);
    std::uint32_t k1 = static_cast<std::uint32_t>(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * c0;
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<std::uint32_t>(product1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<std::uint32_t>(product1);
      c2 = static_cast<std::uint32_t>(product0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<std::uint32_t>(product0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    words[0][lane] = c0;
    words[1][lane] = c1;
    words[2][lane] = c2;
    words[3][lane] = c3;
  }
  constexpr float scale = 5.285582e-05f;  // as in unit_variance(); the signed conversion is the vectorisable one
  for (int word = 0; word < 4; ++word) {
#pragma omp simd
    for (int lane = 0; lane < lanes; ++lane) {
      const auto low = static_cast<std::int32_t>(words[word][lane] & 0xffffu);
      const auto high = static_cast<std::int32_t>(words[word][lane] >> 16);
      out[32 * word + lane] = (static_cast<float>(low) - 32767.5f) * scale;
      out[32 * word + lanes + lane] = (static_cast<float>(high) - 32767.5f) * scale;
    }
  }
}

/// out[i] = factor · value[i] (+ offset[i], unless offset is null) for the row's first n values.
template <class Element>
void fill_random_row(std::uint64_t seed, RandomStream stream, std::uint64_t item, float factor, const float* offset,
                     std::int64_t n, Element* __restrict out) {
  float value[random_group_length];
  for (std::int64_t first = 0; first < n; first += random_group_length) {
    fill_random_group(seed, stream, item, first / random_group_length, value);
    const std::int64_t count = std::min(random_group_length, n - first);
    if (offset == nullptr) {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) out[first + i] = Element(factor * value[i]);
    } else {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) out[first + i] = Element(offset[first + i] + factor * value[i]);
    }
  }
}

/// The item of a token: steps and tokens never share one (below 2^40 tokens a step).
constexpr std::uint64_t token_item(std::int64_t step, std::int64_t token) {
  return (static_cast<std::uint64_t>(step) << 40) + static_cast<std::uint64_t>(token);
}

}  // namespace moeperf
