#include "kernels/cuda/device.hpp"

#include "kernels/cuda/error.hpp"

#include <array>

namespace moeperf {
namespace {

CudaDevice none(cudaError_t code) {
  (void)cudaGetLastError();
  return {-1, "", "no CUDA device (" + describe(code) + ")"};
}

CudaDevice device(int index) {
  std::array<char, 32> bus_id{};
  const cudaError_t code = cudaDeviceGetPCIBusId(bus_id.data(), static_cast<int>(bus_id.size()), index);
  return code == cudaSuccess ? CudaDevice{index, bus_id.data(), ""} : none(code);
}

}  // namespace

CudaDevice cuda_device_of(int rank_on_node) {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess) return none(code);
  return count > 0 ? device(rank_on_node % count) : none(cudaErrorNoDevice);
}

CudaDevice current_cuda_device() {
  int index = 0;
  const cudaError_t code = cudaGetDevice(&index);
  return code == cudaSuccess ? device(index) : none(code);
}

}  // namespace moeperf
