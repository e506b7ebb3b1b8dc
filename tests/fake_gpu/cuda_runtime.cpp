// The CUDA run-time calls that kernels/cuda makes, for machines without a GPU: streams are queues on the host that run
// when somebody asks for them, device memory is out of the host's reach. A node has eight GPUs.
#include "tests/fake_gpu/fake_gpu.hpp"

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstring>
#include <set>

namespace moeperf::test {
namespace {

int current_device = 0;

std::set<FakeDeviceQueue*>& streams() {
  static std::set<FakeDeviceQueue*> all;
  return all;
}

FakeDeviceQueue* stream_of(cudaStream_t stream) { return reinterpret_cast<FakeDeviceQueue*>(stream); }

std::map<void*, std::int64_t>& sizes() {
  static std::map<void*, std::int64_t> all;
  return all;
}

}  // namespace

FakeDeviceMemory& gpu_memory() {
  static FakeDeviceMemory memory;
  return memory;
}

void launch_on(cudaStream_t stream, std::function<void()> work) { stream_of(stream)->launch(std::move(work)); }

}  // namespace moeperf::test

using namespace moeperf::test;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 8;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* bus_id, int length, int device) {
  std::snprintf(bus_id, static_cast<std::size_t>(length), "0000:%02x:00.0", device);
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  current_device = device;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorName(cudaError_t) { return "cudaError"; }
const char* cudaGetErrorString(cudaError_t) { return "of the fake GPU"; }

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  *data = gpu_memory().allocate(static_cast<std::int64_t>(bytes));
  sizes()[*data] = static_cast<std::int64_t>(bytes);
  return cudaSuccess;
}

cudaError_t cudaFree(void* data) {
  gpu_memory().deallocate(data, sizes()[data]);
  sizes().erase(data);
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) {
  *data = moeperf::host_memory().allocate(static_cast<std::int64_t>(bytes));
  sizes()[*data] = static_cast<std::int64_t>(bytes);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* data) {
  moeperf::host_memory().deallocate(data, sizes()[data]);
  sizes().erase(data);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  auto* queue = new FakeDeviceQueue(gpu_memory());
  streams().insert(queue);
  *stream = reinterpret_cast<cudaStream_t>(queue);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  streams().erase(stream_of(stream));
  delete stream_of(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  stream_of(stream)->wait();
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  launch_on(stream, [=] { std::memcpy(to, from, bytes); });
  return cudaSuccess;
}

}  // extern "C"
