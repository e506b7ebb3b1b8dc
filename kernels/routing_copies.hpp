#pragma once

#include "kernels/base/queue.hpp"
#include "kernels/routing.hpp"

namespace moeperf {

/// A routing from one memory into another, each the host's or the queue's, without waiting: both must stay as they are
/// until the queue was waited for.
inline void copy_routing(Queue& queue, const Routing& from, Routing& to) {
  to.resize(from.num_tokens, from.top_k);
  queue.copy(from.topk_idx.view(), to.topk_idx.view());
  queue.copy(from.topk_weights.view(), to.topk_weights.view());
}

/// A routing where the host can read it: itself where it is there, else a copy that was waited for.
class RoutingOnHost {
 public:
  const Routing& of(const Routing& routing, Queue& queue) {
    if (routing.space() == MemorySpace::host) return routing;
    copy_routing(queue, routing, copy_);
    queue.wait();
    return copy_;
  }

 private:
  Routing copy_;
};

}  // namespace moeperf
