#include "kernels/cuda/memory.hpp"

#include "kernels/cuda/error.hpp"

namespace moeperf {
namespace {

class DeviceMemory final : public MemoryResource {
 public:
  MemorySpace space() const override { return MemorySpace::device; }
  std::string_view runtime() const override { return "cuda"; }

  void* allocate(std::int64_t bytes) override {
    void* data = nullptr;
    cuda_check(cudaMalloc(&data, static_cast<std::size_t>(bytes)), "cudaMalloc");
    return data;
  }

  void deallocate(void* data, std::int64_t) noexcept override { (void)cudaFree(data); }
};

class PinnedMemory final : public MemoryResource {
 public:
  MemorySpace space() const override { return MemorySpace::host; }
  std::string_view runtime() const override { return "cuda"; }

  void* allocate(std::int64_t bytes) override {
    void* data = nullptr;
    cuda_check(cudaHostAlloc(&data, static_cast<std::size_t>(bytes), cudaHostAllocPortable), "cudaHostAlloc");
    return data;
  }

  void deallocate(void* data, std::int64_t) noexcept override { (void)cudaFreeHost(data); }
};

}  // namespace

MemoryResource& cuda_memory() {
  static DeviceMemory memory;
  return memory;
}

MemoryResource& cuda_pinned_memory() {
  static PinnedMemory memory;
  return memory;
}

}  // namespace moeperf
