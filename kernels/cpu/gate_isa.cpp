// for t: for e: z[t,e] = fma chain over h of x[t,h]·W[e,h]
// for t: s = score(z); K times the first of the largest s + b

#include "kernels/cpu/gate_kernels.hpp"
#include "kernels/cpu/lanes.hpp"
#include "kernels/score_math.hpp"

namespace moeperf::MOEPERF_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int max_blocks = 4;  // 6 tokens × 4 zmm accumulators, 4 of W and a broadcast: 29 of 32 registers
#else
constexpr int max_blocks = 1;  // 6 tokens × 2 ymm accumulators, 2 of W and a broadcast: 15 of 16 registers
#endif
constexpr int max_tokens = 6;

/// Adds the products over h in [0, count) to num_tokens × (16·num_blocks) chains held in z. Splitting h between calls
/// leaves each chain what it was: the accumulator goes through memory without rounding.
template <int num_tokens, int num_blocks>
void add_tile(const float* x, std::int64_t x_stride, const float* w, std::int64_t block_stride, std::int64_t count,
              bool starts, float* z, std::int64_t z_stride) {
  Lanes sum[num_tokens][num_blocks];
#pragma GCC unroll 6
  for (int t = 0; t < num_tokens; ++t) {
#pragma GCC unroll 4
    for (int b = 0; b < num_blocks; ++b) sum[t][b] = starts ? all(0.0f) : load(z + t * z_stride + 16 * b);
  }
  for (std::int64_t h = 0; h < count; ++h) {
    Lanes weight[num_blocks];
#pragma GCC unroll 4
    for (int b = 0; b < num_blocks; ++b) weight[b] = load(w + b * block_stride + 16 * h);
#pragma GCC unroll 6
    for (int t = 0; t < num_tokens; ++t) {
      const Lanes value = all(x[t * x_stride + h]);
#pragma GCC unroll 4
      for (int b = 0; b < num_blocks; ++b) sum[t][b] = fma(value, weight[b], sum[t][b]);
    }
  }
#pragma GCC unroll 6
  for (int t = 0; t < num_tokens; ++t) {
#pragma GCC unroll 4
    for (int b = 0; b < num_blocks; ++b) store(z + t * z_stride + 16 * b, sum[t][b]);
  }
}

template <int num_blocks>
void add_panel(const float* x, std::int64_t x_stride, std::int64_t num_tokens, const float* w,
               std::int64_t block_stride, std::int64_t count, bool starts, float* z, std::int64_t z_stride) {
  std::int64_t t = 0;
  auto tile = [&](auto* add, int rows) {
    for (; t + rows <= num_tokens; t += rows) {
      add(x + t * x_stride, x_stride, w, block_stride, count, starts, z + t * z_stride, z_stride);
    }
  };
  tile(add_tile<max_tokens, num_blocks>, max_tokens);
  tile(add_tile<3, num_blocks>, 3);
  tile(add_tile<1, num_blocks>, 1);
}

void widen(const std::uint16_t* from, std::int64_t count, float* to) {
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) store(to + i, load_bf16(from + i));
  if (i < count) store_first(to + i, load_first(from + i, count - i), count - i);
}

void logits(const void* x, DType dtype, std::int64_t num_tokens, cpu::PackedGate gate, std::int64_t first_block,
            std::int64_t last_block, float* z, std::int64_t z_stride, float* scratch) {
  const std::int64_t block_stride = gate.hidden * 16;
  for (std::int64_t h = 0; h < gate.hidden; h += cpu::gate_block_hidden) {
    const std::int64_t left = gate.hidden - h;
    const std::int64_t count = left < cpu::gate_block_hidden ? left : cpu::gate_block_hidden;
    const float* part = static_cast<const float*>(x) + h;
    std::int64_t stride = gate.hidden;
    if (dtype == DType::bf16) {
      for (std::int64_t t = 0; t < num_tokens; ++t) {
        widen(static_cast<const std::uint16_t*>(x) + t * gate.hidden + h, count, scratch + t * count);
      }
      part = scratch;
      stride = count;
    }
    std::int64_t block = first_block;
    auto panel = [&](auto* add, int blocks) {
      for (; block + blocks <= last_block; block += blocks) {
        add(part, stride, num_tokens, gate.data + block * block_stride + 16 * h, block_stride, count, h == 0,
            z + 16 * block, z_stride);
      }
    };
    panel(add_panel<max_blocks>, max_blocks);
    if constexpr (max_blocks > 2) panel(add_panel<2>, 2);
    panel(add_panel<1>, 1);
  }
}

/// First index of the largest of n values (n a multiple of 16); −1 when all are −inf.
std::int64_t argmax(const float* values, std::int64_t n) {
  Lanes top = load(values);
  for (std::int64_t i = 16; i < n; i += 16) top = max(top, load(values + i));
  float lanes[16];
  store(lanes, top);
  for (int width = 8; width > 0; width /= 2) {
    for (int l = 0; l < width; ++l) lanes[l] = lanes[l] < lanes[l + width] ? lanes[l + width] : lanes[l];
  }
  if (lanes[0] == -__builtin_inff()) return -1;
  const Lanes wanted = all(lanes[0]);
  for (std::int64_t i = 0; i < n; i += 16) {
    if (const std::uint32_t mask = equal(load(values + i), wanted)) return i + __builtin_ctz(mask);
  }
  return -1;
}

/// The lowest expert that is not among the first k choices: the rule when only excluded experts are left.
std::int32_t lowest_unchosen(const std::int32_t* idx, std::int32_t k) {
  for (std::int32_t expert = 0;; ++expert) {
    bool chosen = false;
    for (std::int32_t i = 0; i < k; ++i) chosen |= idx[i] == expert;
    if (!chosen) return expert;
  }
}

float group_score(const GateConfig& config, const float* scores, const float* biased, std::int64_t size) {
  const float* values = config.group_score == GroupScore::max ? scores : biased;
  float first = values[0], second = -__builtin_inff();
  for (std::int64_t i = 1; i < size; ++i) {
    const float value = values[i];
    const float lower = value > first ? first : value;
    second = lower > second ? lower : second;
    first = value > first ? value : first;
  }
  return config.group_score == GroupScore::max || size == 1 ? first : first + second;
}

void exclude_groups(const GateConfig& config, const float* scores, float* biased, float* scratch) {
  const std::int64_t size = config.num_experts / config.groups;
  float* group_scores = scratch;
  float* kept = scratch + config.groups;
  for (std::int32_t g = 0; g < config.groups; ++g) {
    group_scores[g] = group_score(config, scores + g * size, biased + g * size, size);
    kept[g] = 0.0f;
  }
  for (std::int32_t round = 0; round < config.topk_groups; ++round) {
    std::int32_t best = -1;
    for (std::int32_t g = 0; g < config.groups; ++g) {
      if (kept[g] == 0.0f && (best < 0 || group_scores[g] > group_scores[best])) best = g;
    }
    kept[best] = 1.0f;
  }
  for (std::int32_t g = 0; g < config.groups; ++g) {
    if (kept[g] != 0.0f) continue;
    for (std::int64_t i = 0; i < size; ++i) biased[g * size + i] = -__builtin_inff();
  }
}

void select(const GateConfig& config, const float* z, const float* bias, std::int32_t* idx, float* weights,
            float* scratch) {
  const std::int64_t n = config.num_experts;
  const std::int64_t padded = (n + 15) / 16 * 16;
  float* scores = scratch;
  float* biased = scratch + padded;
  float* rest = biased + padded;
  score_row(config.score, z, n, scores);
  for (std::int64_t e = 0; e < n; ++e) {
    const float value = bias == nullptr ? scores[e] : scores[e] + bias[e];
    biased[e] = value == value ? value : -__builtin_inff();
  }
  for (std::int64_t e = n; e < padded; ++e) biased[e] = -__builtin_inff();
  if (config.groups > 1 && config.topk_groups < config.groups) exclude_groups(config, scores, biased, rest);

  for (std::int32_t k = 0; k < config.top_k; ++k) {
    const std::int64_t best = argmax(biased, padded);
    idx[k] = best < 0 ? lowest_unchosen(idx, k) : static_cast<std::int32_t>(best);
    biased[idx[k]] = -__builtin_inff();
  }

  if (config.softmax_after_topk) {
    for (std::int32_t k = 0; k < config.top_k; ++k) rest[k] = z[idx[k]];
    softmax_row(rest, config.top_k, weights);
  } else {
    float sum = 0.0f;
    for (std::int32_t k = 0; k < config.top_k; ++k) sum += weights[k] = scores[idx[k]];
    if (config.norm_topk) {
      for (std::int32_t k = 0; k < config.top_k; ++k) weights[k] /= sum + 1e-20f;
    }
  }
  const auto scale = static_cast<float>(config.routed_scale);
  for (std::int32_t k = 0; k < config.top_k; ++k) weights[k] *= scale;
}

}  // namespace

const cpu::GateKernels gate_kernels{logits, select};

}  // namespace moeperf::MOEPERF_ISA
