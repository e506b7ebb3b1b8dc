#pragma once

#include "kernels/cpu/isa.hpp"
#include "kernels/workload.hpp"

#include <cstdint>

namespace moeperf::cpu {

/// W of the gate as the kernels read it: experts in blocks of 16, [blocks][H][16], the last padded with zeros.
struct PackedGate {
  const float* data = nullptr;
  std::int64_t hidden = 0;
};

/// Parts of the gate that are compiled for each instruction set.
struct GateKernels {
  /// Columns 16·first_block … 16·last_block−1 of z = x·Wᵀ for `num_tokens` rows of x (row length H, f32 or bf16).
  /// z has rows of `z_stride` floats. `scratch` holds gate_scratch_floats().
  void (*logits)(const void* x, DType dtype, std::int64_t num_tokens, PackedGate gate, std::int64_t first_block,
                 std::int64_t last_block, float* z, std::int64_t z_stride, float* scratch);

  /// reference_select_row() for one token. bias may be null. `scratch` holds select_scratch_floats().
  void (*select)(const GateConfig& config, const float* z, const float* bias, std::int32_t* idx, float* weights,
                 float* scratch);
};

/// Rows of x that one call of GateKernels::logits takes at most.
constexpr std::int64_t gate_block_tokens = 96;
/// Length of the part of h that is worked on at once: 16 experts' weights of it fill a third of a first-level
/// cache, a token block's x a part of the second level.
constexpr std::int64_t gate_block_hidden = 256;

constexpr std::int64_t gate_scratch_floats() { return gate_block_tokens * gate_block_hidden; }
constexpr std::int64_t select_scratch_floats(const GateConfig& config) {
  return 2 * (config.num_experts + 32) + 3 * config.groups + 2 * config.top_k;
}

const GateKernels& gate_kernels(Isa isa);

}  // namespace moeperf::cpu

namespace moeperf {
namespace generic {
extern const cpu::GateKernels gate_kernels;
}
namespace avx2 {
extern const cpu::GateKernels gate_kernels;
}
namespace avx512 {
extern const cpu::GateKernels gate_kernels;
}
}  // namespace moeperf
