#include "kernels/cuda/error.hpp"

namespace moeperf {

std::string describe(cudaError_t code) { return std::string(cudaGetErrorName(code)) + ": " + cudaGetErrorString(code); }

CudaError::CudaError(const char* call, cudaError_t code) : Error(std::string(call) + " failed: " + describe(code)) {}

void cuda_check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  (void)cudaGetLastError();  // else the next launch's check would report this one
  throw CudaError(call, code);
}

}  // namespace moeperf
