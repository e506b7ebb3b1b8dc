#pragma once

#include <array>
#include <cstdint>

namespace moeperf {

/// Philox4x32-10, the counter-based random number generator of Salmon et al., "Parallel random
/// numbers: as easy as 1, 2, 3" (SC'11). A pure function: 128 random bits for each (counter, key),
/// the same on every machine, so that any rank can make any token or weight by itself.
struct Philox {
  using Counter = std::array<std::uint32_t, 4>;
  using Key = std::array<std::uint32_t, 2>;

  static constexpr Counter block(Counter counter, Key key) {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * counter[0];
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * counter[2];
      counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
                 static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
                 static_cast<std::uint32_t>(product0)};
      key[0] += 0x9E3779B9u;
      key[1] += 0xBB67AE85u;
    }
    return counter;
  }
};

/// What a random number is for. Each purpose is an independent stream under one seed; the values
/// are permanent, since reports of the same seed must stay comparable.
enum class RandomStream : std::uint32_t {
  token_topic = 1,
  token_noise = 2,
  topic_centroid = 3,
  gate_weight = 4,
  expert_weight = 5,
  case_order = 6,
  verification_sample = 7,
  trajectory = 8,
  popular_experts = 9,
};

/// 128 random bits for word `index` of item `item` in `stream` under `seed`.
constexpr Philox::Counter random_bits(std::uint64_t seed, RandomStream stream, std::uint64_t item,
                                      std::uint32_t index) {
  return Philox::block({index, static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(item),
                        static_cast<std::uint32_t>(item >> 32)},
                       {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

/// A 16-bit integer as a float, uniform, with mean 0 and variance 1 (its range is ±sqrt(3)). Exact
/// integer arithmetic and one multiplication: the same bits on every machine, and after a dot
/// product of hundreds of terms as good as a normal variate.
constexpr float unit_variance(std::uint32_t bits16) {
  constexpr float scale = 5.285582e-05f;  // sqrt(12) / 65536, rounded to binary32
  return (static_cast<float>(bits16 & 0xffffu) - 32767.5f) * scale;
}

}  // namespace moeperf
