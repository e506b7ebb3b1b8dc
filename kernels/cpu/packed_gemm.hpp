#pragma once

#include "kernels/base/buffer.hpp"
#include "kernels/cpu/onednn.hpp"

#include <string>
#include <unordered_map>

namespace moeperf::cpu {

/// C [M,N] = A [M,K] · B [K,N] by oneDNN for one N and K and any M, with B in the layout that the library asks for.
/// Products for each M are made at first use and kept; callers bound the number of distinct M.
class PackedGemm {
 public:
  /// `dtype` of A and B, `out` of C; both row-major without gaps.
  PackedGemm(std::int64_t n, std::int64_t k, DType dtype, DType out, int num_threads);

  /// Bᵀ [N,K] (f32 or bf16) → B packed, into `packed` of packed_bytes().
  void pack(ConstRows transposed, void* packed);
  std::int64_t packed_bytes() const { return static_cast<std::int64_t>(packed_desc_.get_size()); }

  void run(std::int64_t m, const void* a, const void* packed, void* c);

  /// The library's name of the kernel it takes for m rows; "ref…" is its slow fallback.
  std::string kernel(std::int64_t m) const;

 private:
  dnnl::matmul::primitive_desc desc_for(std::int64_t m, const dnnl::memory::desc& weights) const;

  std::int64_t n_, k_;
  DType dtype_, out_;
  int num_threads_;
  dnnl::memory::desc packed_desc_;
  dnnl::stream stream_;
  std::unordered_map<std::int64_t, dnnl::matmul> products_;
};

}  // namespace moeperf::cpu
