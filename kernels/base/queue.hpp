#pragma once

#include "kernels/base/array.hpp"
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

  /// The same for lists.
  template <class From, class T>
  requires(std::is_same_v<std::remove_const_t<From>, T>) void copy(View<From> from, View<T> to) {
    assert(from.size() == to.size());
    const auto bytes = static_cast<std::int64_t>(from.size() * sizeof(T));
    if (bytes > 0)
      copy(ConstRows(from.data(), 1, bytes, DType::u8, from.space()), Rows(to.data(), 1, bytes, DType::u8, to.space()));
  }
};

/// Work runs at once on the calling thread (and its OpenMP team); wait() has nothing to do.
class ImmediateQueue final : public Queue {
 public:
  MemorySpace space() const override { return MemorySpace::host; }
  void wait() override {}
  using Queue::copy;
  void copy(ConstRows from, Rows to) override { copy_rows(from, to); }
};

}  // namespace moeperf
