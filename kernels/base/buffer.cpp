#include "kernels/base/buffer.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <limits>
#include <new>

namespace moeperf {
namespace {

constexpr std::int64_t kLine = 64;
constexpr std::int64_t kPage = 4096;
constexpr std::int64_t kHugePage = std::int64_t{2} << 20;

std::int64_t round_up(std::int64_t bytes, std::int64_t unit) { return (bytes + unit - 1) / unit * unit; }

/// Blocks from this size on are huge pages of their own, so that the TLB does not dominate gathers of rows, whatever the
/// process has allocated before; released, they go back to the system. The address sanitizer sees only the heap.
#ifdef __SANITIZE_ADDRESS__
constexpr std::int64_t kLeastMapped = std::numeric_limits<std::int64_t>::max();
#else
constexpr std::int64_t kLeastMapped = 128 << 10;
#endif

void* map_huge_pages(std::int64_t bytes) {
  const auto size = static_cast<std::size_t>(round_up(bytes, kHugePage)), spare = std::size_t{kHugePage};
  void* mapped = ::mmap(nullptr, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* first = static_cast<std::byte*>(mapped);
  const std::size_t before = (spare - reinterpret_cast<std::uintptr_t>(first) % spare) % spare;
  if (before > 0) ::munmap(first, before);
  if (before < spare) ::munmap(first + before + size, spare - before);
  (void)::madvise(first + before, size, MADV_HUGEPAGE);
  return first + before;
}

class HostMemory final : public MemoryResource {
 public:
  MemorySpace space() const override { return MemorySpace::host; }

  void* allocate(std::int64_t bytes) override {
    if (bytes >= kLeastMapped) return map_huge_pages(bytes);
    // Small blocks all beginning with a page would compete for the same places in the caches.
    const std::int64_t alignment = bytes >= kPage ? kPage : kLine;
    void* data =
        std::aligned_alloc(static_cast<std::size_t>(alignment), static_cast<std::size_t>(round_up(bytes, alignment)));
    if (data == nullptr) throw std::bad_alloc();
    return data;
  }

  void deallocate(void* data, std::int64_t bytes) noexcept override {
    if (bytes >= kLeastMapped) {
      ::munmap(data, static_cast<std::size_t>(round_up(bytes, kHugePage)));
    } else {
      std::free(data);
    }
  }
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
