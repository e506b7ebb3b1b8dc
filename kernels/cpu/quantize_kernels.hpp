#pragma once

#include "kernels/cpu/isa.hpp"
#include "kernels/quantize.hpp"

#include <cstddef>

namespace moeperf::cpu {

/// Rows to and from fp8, compiled for each instruction set; see RowCodec. `row` holds H elements of `dtype`, `wire`
/// is in `layout`.
struct QuantizeKernels {
  void (*encode_fp8)(const void* row, DType dtype, Fp8Layout layout, std::byte* wire);
  void (*decode_fp8)(const std::byte* wire, Fp8Layout layout, DType dtype, void* row);
};

const QuantizeKernels& quantize_kernels(Isa isa);

}  // namespace moeperf::cpu

namespace moeperf {
namespace generic {
extern const cpu::QuantizeKernels quantize_kernels;
}
namespace avx2 {
extern const cpu::QuantizeKernels quantize_kernels;
}
namespace avx512 {
extern const cpu::QuantizeKernels quantize_kernels;
}
}  // namespace moeperf
