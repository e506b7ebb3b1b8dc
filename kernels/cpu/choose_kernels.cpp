#include "kernels/cpu/gate_kernels.hpp"
#include "kernels/cpu/quantize_kernels.hpp"
#include "kernels/cpu/row_kernels.hpp"

namespace moeperf::cpu {

const GateKernels& gate_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return avx512::gate_kernels;
  if (isa == Isa::avx2) return avx2::gate_kernels;
#endif
  (void)isa;
  return generic::gate_kernels;
}

const RowKernels& row_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return avx512::row_kernels;
  if (isa == Isa::avx2) return avx2::row_kernels;
#endif
  (void)isa;
  return generic::row_kernels;
}

const QuantizeKernels& quantize_kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512) return avx512::quantize_kernels;
  if (isa == Isa::avx2) return avx2::quantize_kernels;
#endif
  (void)isa;
  return generic::quantize_kernels;
}

}  // namespace moeperf::cpu
