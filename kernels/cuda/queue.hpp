#pragma once

#include "kernels/base/queue.hpp"

#include <cuda_runtime_api.h>

namespace moeperf {

/// A CUDA stream of the device that is current when it is made; it does not wait for the default stream. Copies from
/// and to pageable host memory are staged by the driver, those of page-locked memory run beside the host. Errors throw
/// CudaError, also those of earlier work.
class CudaQueue final : public Queue {
 public:
  CudaQueue();
  ~CudaQueue() override;
  CudaQueue(const CudaQueue&) = delete;
  CudaQueue& operator=(const CudaQueue&) = delete;

  MemorySpace space() const override { return MemorySpace::device; }
  void wait() override;
  void copy(ConstRows from, Rows to) override;
  /// Whether all work has finished; never waits.
  bool done() const;

  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace moeperf
