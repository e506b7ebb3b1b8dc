#include "benchmarks/layer/chunked_exchange.hpp"

#include "benchmarks/axes/chunks.hpp"
#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/inputs/case_dispatcher.hpp"
#include "benchmarks/verification/booking_check.hpp"
#include "harness/clock.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {

ChunkedExchange::ChunkedExchange(Problem& problem, const CaseSpec& spec)
    : problem_(problem),
      spec_(spec),
      experts_(problem.experts(kernel_of(spec))),
      slots_(problem.weights().slot_of_expert(problem.comm().rank())) {
  const ModelShape& model = problem.workload().model;
  const std::int64_t tokens = problem.num_tokens();
  for (std::int64_t i = 0; i < chunks_of(spec); ++i) {
    Chunk& chunk = chunks_.emplace_back(problem.comm());
    chunk.dispatcher = make_dispatcher(problem, spec, chunk.comm);
    if (!chunk.dispatcher->can_split()) {
      throw UnsupportedError(
          fmt::format("dispatcher '{}' cannot start an exchange and finish it later: no chunks", dispatcher_of(spec)));
    }
    chunk.first = tokens * i / chunks_of(spec);
    chunk.count = tokens * (i + 1) / chunks_of(spec) - chunk.first;
    chunk.own_answers = RowBuffer(0, model.hidden, model.dtype);
  }
}

template <class Call>
void ChunkedExchange::exposed(Call call) {
  const double begin = now_s();
  call();
  exposed_s_ += now_s() - begin;
}

void ChunkedExchange::run(ConstRows x, const Routing& routing, Rows out, const std::function<void()>& meanwhile) {
  exposed_s_ = 0;
  start(chunks_.front(), x, routing);
  meanwhile();
  const auto finish_combine = [&](Chunk& chunk) {
    exposed([&] { chunk.dispatcher->finish_combine(out.slice(chunk.first, chunk.count)); });
  };
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    Chunk& chunk = chunks_[i];
    exposed([&] { chunk.received = chunk.dispatcher->finish_dispatch(); });
    if (i + 1 < chunks_.size()) start(chunks_[i + 1], x, routing);
    experts(i);
    if (i > 0) finish_combine(chunks_[i - 1]);
    exposed([&] { chunk.dispatcher->start_combine(chunk.answers); });
  }
  finish_combine(chunks_.back());
}

void ChunkedExchange::exchange_once(ConstRows x, const Routing& routing, Rows out) {
  for (Chunk& chunk : chunks_) {
    start(chunk, x, routing);
    chunk.received = chunk.dispatcher->finish_dispatch();
    make_answers(chunk);
    chunk.dispatcher->start_combine(chunk.answers);
    chunk.dispatcher->finish_combine(out.slice(chunk.first, chunk.count));
  }
}

void ChunkedExchange::make_answers(Chunk& chunk) {
  const auto space = chunk.dispatcher->answer_space();
  if (!space) chunk.own_answers.resize(chunk.received.rows.num_rows());
  chunk.answers = space ? *space : chunk.own_answers.rows();
}

void ChunkedExchange::start(Chunk& chunk, ConstRows x, const Routing& routing) {
  exposed([&] {
    chunk.routing.resize(chunk.count, routing.top_k);
    const auto copies = chunk.count * routing.top_k;
    std::copy_n(routing.topk_idx.data() + chunk.first * routing.top_k, copies, chunk.routing.topk_idx.data());
    std::copy_n(routing.topk_weights.data() + chunk.first * routing.top_k, copies, chunk.routing.topk_weights.data());
    chunk.dispatcher->start_dispatch(x.slice(chunk.first, chunk.count), chunk.routing);
  });
}

void ChunkedExchange::experts(std::size_t number) {
  Chunk& chunk = chunks_[number];
  const ReceivedTokens& received = chunk.received;
  make_answers(chunk);
  for (std::size_t e = 0; e + 1 < received.offsets.size(); ++e) {
    const std::int64_t first = received.offsets[e];
    const std::int64_t offsets[]{0, received.offsets[e + 1] - first};
    if (offsets[1] == 0) continue;
    experts_.forward(received.rows.slice(first, offsets[1]), offsets, std::span(slots_).subspan(e, 1),
                     chunk.answers.slice(first, offsets[1]));
    exposed([&] {
      if (number + 1 < chunks_.size()) chunks_[number + 1].dispatcher->progress();
      if (number > 0) chunks_[number - 1].dispatcher->progress();
    });
  }
}

WireBytes ChunkedExchange::dispatch_bytes() const {
  WireBytes sum;
  for (const Chunk& chunk : chunks_) sum += chunk.dispatcher->dispatch_bytes();
  return sum;
}

WireBytes ChunkedExchange::combine_bytes() const {
  WireBytes sum;
  for (const Chunk& chunk : chunks_) sum += chunk.dispatcher->combine_bytes();
  return sum;
}

void ChunkedExchange::check_booking(Checker& checker) {
  for (Chunk& chunk : chunks_) {
    moeperf::check_booking(checker, problem_, spec_, *chunk.dispatcher, chunk.routing, chunk.comm);
  }
}

void ChunkedExchange::poison() {
  for (Chunk& chunk : chunks_) moeperf::poison(chunk.answers);
}

}  // namespace moeperf
