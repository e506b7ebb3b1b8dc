#pragma once

#include "benchmarks/verification/checker.hpp"
#include "kernels/base/buffer.hpp"

#include <cstdint>

namespace moeperf {

/// A plain memory copy (memcpy by each OpenMP thread on its share): the baseline of everything that only
/// moves bytes.
class MemoryCopy {
 public:
  explicit MemoryCopy(std::int64_t bytes);
  void run();
  void poison();
  /// The copy of the run since, byte for byte; counts one.
  void check(Checker& checker) const;

 private:
  std::int64_t bytes_;
  Buffer from_, to_;
};

}  // namespace moeperf
