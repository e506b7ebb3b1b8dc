#pragma once

#include "kernels/base/dtype.hpp"
#include "kernels/cpu/isa.hpp"

#include <cstdint>

namespace moeperf::cpu {

/// Element-wise parts of permute and expert that are compiled for each instruction set.
struct RowKernels {
  /// Copies bytes past the caches where alignment allows; end a group of such copies with fence().
  void (*stream_copy)(const void* from, std::int64_t bytes, void* to);
  void (*fence)();

  /// out[:] = Σ_k weights[k] · in[rows[k],:], rows of n elements of `dtype`; see Permuter::weighted_sum.
  void (*weighted_sum)(const void* in, const std::int64_t* rows, const float* weights, std::int32_t top_k,
                       std::int64_t n, DType dtype, void* out);

  /// out[i] = silu(gate_up[i]) · gate_up[n + i], or max(0, gate_up[i]), rounded to `dtype`; kept as f32 if `wide`.
  void (*swiglu)(const float* gate_up, std::int64_t n, DType dtype, bool wide, void* out);
  void (*relu)(const float* up, std::int64_t n, DType dtype, bool wide, void* out);

  void (*widen)(const BFloat16* from, std::int64_t n, float* to);
  void (*narrow)(const float* from, std::int64_t n, BFloat16* to);
};

const RowKernels& row_kernels(Isa isa);

}  // namespace moeperf::cpu

namespace moeperf {
namespace generic {
extern const cpu::RowKernels row_kernels;
}
namespace avx2 {
extern const cpu::RowKernels row_kernels;
}
namespace avx512 {
extern const cpu::RowKernels row_kernels;
}
}  // namespace moeperf
