#pragma once

#include "kernels/base/view.hpp"

namespace moeperf {

/// Order in which a backend's work runs: a device stream, or the calling thread. Work handed to one
/// queue runs in order; `wait` returns when all of it has finished. A timed body ends with wait().
class Queue {
 public:
  virtual ~Queue() = default;
  virtual MemorySpace space() const = 0;
  virtual void wait() = 0;
  /// Rows → rows of the same size, which may be none, each in host memory or in memory of space(). Both must stay as
  /// they are until wait() has returned.
  virtual void copy(ConstRows from, Rows to) = 0;
};

/// Work runs at once on the calling thread (and its OpenMP team); wait() has nothing to do.
class ImmediateQueue final : public Queue {
 public:
  MemorySpace space() const override { return MemorySpace::host; }
  void wait() override {}
  void copy(ConstRows from, Rows to) override { copy_rows(from, to); }
};

}  // namespace moeperf
