#include "kernels/cpu/packed_gemm.hpp"

#include <omp.h>

namespace moeperf::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

/// Rows for which the layout of B is chosen: many, since few rows wait for memory in any layout.
constexpr std::int64_t layout_rows = 1024;

/// oneDNN takes as many threads as OpenMP would.
class ThreadCount {
 public:
  explicit ThreadCount(int num_threads) : before_(omp_get_max_threads()) { omp_set_num_threads(num_threads); }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

}  // namespace

PackedGemm::PackedGemm(std::int64_t n, std::int64_t k, DType dtype, DType out, int num_threads)
    : n_(n), k_(k), dtype_(dtype), out_(out), num_threads_(num_threads), stream_(onednn_engine()) {
  const ThreadCount scope(num_threads_);
  packed_desc_ = desc_for(layout_rows, {{k_, n_}, onednn_type(dtype_), Tag::any}).weights_desc();
}

dnnl::matmul::primitive_desc PackedGemm::desc_for(std::int64_t m, const dnnl::memory::desc& weights) const {
  return matmul_desc({{m, k_}, onednn_type(dtype_), Tag::ab}, weights, {{m, n_}, onednn_type(out_), Tag::ab});
}

void PackedGemm::pack(ConstRows transposed, void* packed) {
  const ThreadCount scope(num_threads_);
  // A const view of the caller's memory; the library only reads it.
  dnnl::memory from({{k_, n_}, onednn_type(transposed.dtype()), Tag::ba}, onednn_engine(),
                    const_cast<void*>(transposed.data()));
  dnnl::memory to(packed_desc_, onednn_engine(), packed);
  dnnl::reorder(from, to).execute(stream_, from, to);
  stream_.wait();
}

void PackedGemm::run(std::int64_t m, const void* a, const void* packed, void* c) {
  if (m == 0) return;
  const ThreadCount scope(num_threads_);
  auto found = products_.find(m);
  if (found == products_.end()) found = products_.emplace(m, dnnl::matmul(desc_for(m, packed_desc_))).first;
  const dnnl::engine& engine = onednn_engine();
  const dnnl::memory src({{m, k_}, onednn_type(dtype_), Tag::ab}, engine, const_cast<void*>(a));
  const dnnl::memory weights(packed_desc_, engine, const_cast<void*>(packed));
  const dnnl::memory dst({{m, n_}, onednn_type(out_), Tag::ab}, engine, c);
  found->second.execute(stream_, {{DNNL_ARG_SRC, src}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, dst}});
  stream_.wait();
}

std::string PackedGemm::kernel(std::int64_t m) const {
  const ThreadCount scope(num_threads_);
  return desc_for(m, packed_desc_).impl_info_str();
}

}  // namespace moeperf::cpu
