#pragma once

#include "kernels/backend.hpp"
#include "kernels/base/array.hpp"

#include <cstdint>
#include <span>

namespace moeperf {

/// A list of the host where kernels can read it: itself where their memory is the host's, else a copy.
template <class T>
class ListForKernels {
 public:
  explicit ListForKernels(KernelBackend& kernels) : kernels_(kernels), copy_(kernels.memory()) {}

  /// `list` must stay as it is until the kernels' queue has been waited for, on the host as long as the list is used.
  void set(std::span<const T> list) {
    list_ = list;
    if (kernels_.memory().space() == MemorySpace::host) return;
    copy_.resize(list.size());
    kernels_.queue().copy(View<const T>(list), copy_.view());
  }

  View<const T> view() const {
    return kernels_.memory().space() == MemorySpace::host ? View<const T>(list_) : copy_.view();
  }

 private:
  KernelBackend& kernels_;
  std::span<const T> list_;
  Array<T> copy_;
};

/// As many ones as asked for: the weights of a sum without weights.
class OnesForKernels {
 public:
  explicit OnesForKernels(KernelBackend& kernels) : queue_(kernels.queue()), list_(kernels) {}

  View<const float> of(std::size_t size) {
    if (size > ones_.size()) {
      ones_.assign(size, 1.0f);
      list_.set(ones_.host());
      queue_.wait();
    }
    return list_.view().part(0, static_cast<std::int64_t>(size));
  }

 private:
  Queue& queue_;
  Array<float> ones_;
  ListForKernels<float> list_;
};

/// A list of the kernels where the host can read it: itself where their memory is the host's, else a copy that is
/// waited for.
template <class T>
class ListOnHost {
 public:
  std::span<const T> of(View<const T> list, Queue& queue) {
    if (list.space() == MemorySpace::host) return list.host();
    copy_.resize(list.size());
    queue.copy(list, copy_.view());
    queue.wait();
    return copy_.host();
  }

 private:
  Array<T> copy_;
};

}  // namespace moeperf
