#pragma once

#include "kernels/base/buffer.hpp"

#include <cstdint>

namespace moeperf {

/// A plain memory copy (memcpy by each OpenMP thread on its share): the bound of everything that only
/// moves bytes.
class MemoryCopy {
 public:
  explicit MemoryCopy(std::int64_t bytes);
  void run();

 private:
  std::int64_t bytes_;
  Buffer from_, to_;
};

}  // namespace moeperf
