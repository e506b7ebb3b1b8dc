#include "kernels/base/buffer.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace moeperf {
namespace {

constexpr std::int64_t kLine = 64;
constexpr std::int64_t kPage = 4096;
constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

class HostMemory final : public MemoryResource {
 public:
  MemorySpace space() const override { return MemorySpace::host; }

  void* allocate(std::int64_t bytes) override {
    // Blocks of several huge pages are aligned to them, so that the TLB does not dominate row gathers. Small ones all
    // beginning with a page would compete for the same places in the caches.
    const std::int64_t alignment = bytes >= 2 * kHugePage ? kHugePage : bytes >= kPage ? kPage : kLine;
    const std::int64_t rounded = (bytes + alignment - 1) / alignment * alignment;
    void* data = std::aligned_alloc(static_cast<std::size_t>(alignment), static_cast<std::size_t>(rounded));
    if (data == nullptr) throw std::bad_alloc();
    if (alignment == kHugePage) (void)madvise(data, static_cast<std::size_t>(rounded), MADV_HUGEPAGE);
    return data;
  }

  void deallocate(void* data, std::int64_t) noexcept override { std::free(data); }
};

}  // namespace

MemoryResource& host_memory() {
  static HostMemory memory;
  return memory;
}

void Buffer::reserve(std::int64_t bytes) {
  if (bytes <= bytes_) return;
  release();
  data_ = static_cast<std::byte*>(resource_->allocate(bytes));
  bytes_ = bytes;
}

void Buffer::release() noexcept {
  if (data_ != nullptr) resource_->deallocate(data_, bytes_);
  data_ = nullptr;
  bytes_ = 0;
}

}  // namespace moeperf
