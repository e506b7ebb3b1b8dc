#include "benchmarks/suite/memory_copy.hpp"

#include <omp.h>

#include <algorithm>
#include <cstring>

namespace moeperf {

MemoryCopy::MemoryCopy(std::int64_t bytes) : bytes_(bytes), from_(bytes), to_(bytes) {
  if (bytes_ == 0) return;
  std::memset(from_.data(), 1, static_cast<std::size_t>(bytes_));
  std::memset(to_.data(), 2, static_cast<std::size_t>(bytes_));
}

void MemoryCopy::run() {
#pragma omp parallel
  {
    const std::int64_t share = (bytes_ / omp_get_num_threads() + 64) / 64 * 64;
    const std::int64_t first = std::min(bytes_, share * omp_get_thread_num());
    const std::int64_t last = std::min(bytes_, first + share);
    if (last > first) std::memcpy(to_.data() + first, from_.data() + first, static_cast<std::size_t>(last - first));
  }
}

}  // namespace moeperf
