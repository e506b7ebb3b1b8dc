#pragma once

#include "kernels/base/queue.hpp"
#include "kernels/base/registry.hpp"
#include "kernels/expert.hpp"
#include "kernels/gate.hpp"
#include "kernels/permute.hpp"
#include "kernels/quantize.hpp"

#include <memory>

namespace moeperf {

/// One family of kernels (reference, cpu, …): makes the gate, permute, codec and expert implementations
/// that share a memory space and a queue.
class KernelBackend {
 public:
  virtual ~KernelBackend() = default;

  virtual Queue& queue() = 0;
  virtual MemoryResource& memory() = 0;
  /// Host memory that queue() copies to and from at full speed: page-locked memory where memory() is a device's.
  virtual MemoryResource& staging_memory() { return host_memory(); }
  /// What a report should know of the choices made at run time, e.g. "avx512, 2 threads, oneDNN 2.6.3".
  virtual std::string description() const = 0;

  virtual std::unique_ptr<Gate> make_gate(const GateConfig& config, std::int64_t hidden) = 0;
  virtual std::unique_ptr<Permuter> make_permuter() = 0;
  /// Between rows of bf16 or f32 and rows of `type`.
  virtual std::unique_ptr<RowCodec> make_row_codec(WireType type) = 0;
  /// `num_sets`: distinct weight sets that load() will fill.
  virtual std::unique_ptr<ExpertFfn> make_expert_ffn(const ExpertShape& shape, std::int32_t num_sets) = 0;
  /// Bytes of memory() that one loaded weight set takes, padding of the layout aside.
  virtual std::int64_t expert_bytes(const ExpertShape& shape) const { return shape.weight_bytes(); }
  /// C [m,n] = A [m,k]·B [k,n] in `dtype`.
  virtual std::unique_ptr<PlainGemm> make_plain_gemm(std::int64_t m, std::int64_t n, std::int64_t k, DType dtype) = 0;
};

struct KernelContext {
  int num_threads = 1;  ///< OpenMP threads of this rank; a parallel region must really have so many
};

using KernelRegistry = Registry<KernelBackend, KernelContext>;
KernelRegistry& kernel_registry();

}  // namespace moeperf
