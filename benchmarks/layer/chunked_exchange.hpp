#pragma once

#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "benchmarks/verification/checker.hpp"
#include "comm/dispatcher.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace moeperf {

/// Dispatch, experts and combine of a batch in parts, whose exchanges run under the experts of other parts:
///
///   rank's time:  start d0 | … finish d0, start d1 | experts 0 | start c0 | finish d1, start d2 | experts 1 | finish
///   c0, …
///
/// Each part has a dispatcher and a communicator of its own. Between the experts of a part the exchanges under way are
/// moved on, since most MPI libraries do nothing in the background. FasterMoE (PPoPP'22); DualPipe (arXiv 2412.19437,
/// section 3.2.1) overlaps two batches in the same way.
class ChunkedExchange {
 public:
  /// Collective. Throws UnsupportedError when the dispatcher cannot be split.
  ChunkedExchange(Problem& problem, const CaseSpec& spec);

  /// Collective. x [T,H], routing [T,K] → out [T,H]. `meanwhile` is run under the first dispatch.
  void run(ConstRows x, const Routing& routing, Rows out, const std::function<void()>& meanwhile);

  /// The exchanges of all parts, one after the other and without experts, which makes their buffers. Collective.
  void exchange_once(ConstRows x, const Routing& routing, Rows out);

  /// Of the last run: time this rank spent in the exchanges' calls, when it could not compute.
  double exposed_s() const { return exposed_s_; }
  /// Of the last run, all parts together.
  WireBytes dispatch_bytes() const;
  WireBytes combine_bytes() const;
  /// Each part's bytes against its routing, see benchmarks/inputs/case_dispatcher.hpp. Collective.
  void check_booking(Checker& checker);
  /// Fills the answers of the last run with what no expert answers.
  void poison();

 private:
  struct Chunk {
    explicit Chunk(const Communicator& parent) : comm(parent.duplicate()) {}
    Communicator comm;
    std::unique_ptr<Dispatcher> dispatcher;
    std::int64_t first = 0, count = 0;  ///< tokens
    Routing routing;
    ReceivedTokens received;
    RowBuffer own_answers;
    Rows answers;
  };

  void make_answers(Chunk& chunk);
  void start(Chunk& chunk, ConstRows x, const Routing& routing);
  void experts(std::size_t number);
  template <class Call>
  void exposed(Call call);

  Problem& problem_;
  CaseSpec spec_;
  ExpertFfn& experts_;
  std::vector<std::int32_t> sets_;
  std::deque<Chunk> chunks_;
  double exposed_s_ = 0;
};

}  // namespace moeperf
