#pragma once

// oneDNN 2 and 3 behind one include: what differs between them is here.
#include <dnnl.hpp>

#include "kernels/base/dtype.hpp"

#include <string>

namespace moeperf::cpu {

inline dnnl::engine& onednn_engine() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

inline dnnl::memory::data_type onednn_type(DType dtype) {
  return dtype == DType::f32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

/// Whether the library, on this processor and under its own cap, multiplies bf16 by instructions for it. Where not, it
/// has no such product, or one that is a third or a quarter as fast as that of f32.
bool onednn_multiplies_bf16();

/// dst [M,N] = src [M,K] · weights [K,N]. Throws dnnl::error when the library has no such product.
inline dnnl::matmul::primitive_desc matmul_desc(const dnnl::memory::desc& src, const dnnl::memory::desc& weights,
                                                const dnnl::memory::desc& dst) {
#if DNNL_VERSION_MAJOR >= 3
  return {onednn_engine(), src, weights, dst};
#else
  return {dnnl::matmul::desc(src, weights, dst), onednn_engine()};
#endif
}

}  // namespace moeperf::cpu
