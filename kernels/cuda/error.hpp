#pragma once

#include "kernels/base/error.hpp"

#include <cuda_runtime_api.h>

#include <string>

namespace moeperf {

/// A CUDA call that failed: names the call, CUDA's name for the error and its text.
class CudaError : public Error {
 public:
  CudaError(const char* call, cudaError_t code);
};

/// "cudaErrorNoDevice: no CUDA-capable device is detected"
std::string describe(cudaError_t code);

/// Throws CudaError unless `code` is cudaSuccess. Use as cuda_check(cudaFoo(...), "cudaFoo").
void cuda_check(cudaError_t code, const char* call);

}  // namespace moeperf
