#include "kernels/cuda/queue.hpp"

#include "kernels/cuda/error.hpp"

namespace moeperf {

CudaQueue::CudaQueue() {
  cuda_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
}

CudaQueue::~CudaQueue() { (void)cudaStreamDestroy(stream_); }

void CudaQueue::wait() { cuda_check(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); }

void CudaQueue::copy(ConstRows from, Rows to) {
  assert(from.bytes() == to.bytes());
  if (from.bytes() == 0) return;
  cuda_check(
      cudaMemcpyAsync(to.data(), from.data(), static_cast<std::size_t>(from.bytes()), cudaMemcpyDefault, stream_),
      "cudaMemcpyAsync");
}

bool CudaQueue::done() const {
  const cudaError_t code = cudaStreamQuery(stream_);
  if (code == cudaErrorNotReady) {
    (void)cudaGetLastError();
    return false;
  }
  cuda_check(code, "cudaStreamQuery");
  return true;
}

}  // namespace moeperf
