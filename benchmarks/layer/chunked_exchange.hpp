#pragma once

#include "benchmarks/layer/layer_config.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/list_copies.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace moeperf {

/// Dispatch, experts and combine of a batch in parts, whose exchanges run under the experts of other parts:
///
///   a rank's time: start d0 | … finish d0, start d1 | experts 0 | start c0 | finish d1, start d2 | experts 1 | finish c0 …
///
/// Each part has a dispatcher and a communicator of its own. Between the experts of a part the exchanges under way are
/// moved on, since most MPI libraries do nothing in the background. FasterMoE (PPoPP'22); DualPipe (arXiv 2412.19437,
/// section 3.2.1) overlaps two batches in the same way.
class ChunkedExchange {
 public:
  /// Collective. `config` outlives it. Throws UnsupportedError when the dispatcher cannot overlap.
  explicit ChunkedExchange(const LayerConfig& config);

  /// Collective. x [T,H], routing [T,K] over physical experts → out [T,H]. `meanwhile` is run under the first dispatch.
  void run(ConstRows x, const Routing& routing, Rows out, const std::function<void()>& meanwhile);

  /// The exchanges of all parts, one after the other and without experts, which makes their buffers. Collective.
  void exchange_once(ConstRows x, const Routing& routing, Rows out);

  /// Of the last run: time this rank spent in the exchanges' calls, when it could not compute.
  double exposed_s() const { return exposed_s_; }
  /// Of the last run, all parts together.
  WireBytes dispatch_bytes() const;
  WireBytes combine_bytes() const;
  std::vector<Rows> expert_outputs() const;
  void for_each_exchange(const std::function<void(const Dispatch&, const Routing&, Communicator&)>& body);

 private:
  struct Chunk {
    Chunk(const LayerConfig& config, Communicator ranks);
    Communicator comm;
    std::unique_ptr<Dispatcher> dispatcher;
    std::unique_ptr<Dispatch> dispatch;
    std::int64_t first = 0, count = 0;  ///< tokens
    Routing routing;
    ReceivedTokens received;
    ListOnHost<std::int64_t> offsets;
    RowBuffer own_outputs;
    Rows outputs;
  };

  void divide(std::int64_t num_tokens);
  void make_outputs(Chunk& chunk);
  void start(Chunk& chunk, ConstRows x, const Routing& routing);
  void experts(std::size_t number);

  const LayerConfig& config_;
  Queue& queue_;
  std::deque<Chunk> chunks_;
  double exposed_s_ = 0;
};

}  // namespace moeperf
