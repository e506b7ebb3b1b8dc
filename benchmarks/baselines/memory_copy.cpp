#include "benchmarks/baselines/memory_copy.hpp"

#include <omp.h>

#include <algorithm>
#include <cstring>

namespace moeperf {
namespace {

/// Calls `body` with the place, the length and the contents of each eight bytes of the source: no two are alike.
template <class Body>
void for_each_word(std::int64_t bytes, Body body) {
  for (std::int64_t at = 0; at < bytes; at += 8) {
    const std::uint64_t word = static_cast<std::uint64_t>(at + 1) * 0x9e3779b97f4a7c15u;
    body(at, static_cast<std::size_t>(std::min<std::int64_t>(8, bytes - at)), word);
  }
}

}  // namespace

MemoryCopy::MemoryCopy(std::int64_t bytes) : bytes_(bytes), from_(bytes), to_(bytes) {
  for_each_word(bytes_, [&](std::int64_t at, std::size_t length, std::uint64_t word) {
    std::memcpy(from_.data() + at, &word, length);
  });
  poison();
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

void MemoryCopy::poison() {
  if (bytes_ > 0) std::memset(to_.data(), 0xff, static_cast<std::size_t>(bytes_));
}

void MemoryCopy::check(Checker& checker) const {
  bool same = true;
  for_each_word(bytes_, [&](std::int64_t at, std::size_t length, std::uint64_t word) {
    same = same && std::memcmp(to_.data() + at, &word, length) == 0;
  });
  checker.same(same);
}

}  // namespace moeperf
