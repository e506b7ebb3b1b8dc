#include "benchmarks/layer/chunked_exchange.hpp"

#include "benchmarks/layer/exposed_time.hpp"

#include <fmt/format.h>

#include <utility>

namespace moeperf {
namespace {

DispatchContext on(DispatchContext context, Communicator& comm) {
  context.comm = &comm;
  return context;
}

}  // namespace

ChunkedExchange::Chunk::Chunk(const LayerConfig& config, Communicator ranks)
    : comm(std::move(ranks)),
      dispatcher(make_dispatcher(config.dispatcher, on(config.exchange, comm))),
      dispatch(dispatcher->make_dispatch()),
      routing(config.exchange.kernels->memory()),
      own_outputs(0, config.exchange.hidden, config.exchange.dtype, config.exchange.kernels->memory()) {}

ChunkedExchange::ChunkedExchange(const LayerConfig& config)
    : config_(config), queue_(config.exchange.kernels->queue()) {
  for (std::int64_t i = 0; i < config.chunks; ++i) {
    const Chunk& chunk = chunks_.emplace_back(config, config.exchange.comm->duplicate());
    if (!chunk.dispatcher->can_overlap()) {
      throw UnsupportedError(
          fmt::format("dispatcher '{}' cannot start an exchange and finish it later: no chunks", config.dispatcher));
    }
  }
}

void ChunkedExchange::divide(std::int64_t num_tokens) {
  const auto number = static_cast<std::int64_t>(chunks_.size());
  for (std::int64_t i = 0; i < number; ++i) {
    Chunk& chunk = chunks_[static_cast<std::size_t>(i)];
    chunk.first = num_tokens * i / number;
    chunk.count = num_tokens * (i + 1) / number - chunk.first;
  }
}

void ChunkedExchange::run(ConstRows x, const Routing& routing, Rows out, const std::function<void()>& meanwhile) {
  exposed_s_ = 0;
  divide(x.num_rows());
  start(chunks_.front(), x, routing);
  meanwhile();
  const auto finish_combine = [&](Chunk& chunk) {
    const ExposedTime time(exposed_s_);
    chunk.dispatch->finish_combine(out.slice(chunk.first, chunk.count));
  };
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    Chunk& chunk = chunks_[i];
    {
      const ExposedTime time(exposed_s_);
      chunk.received = chunk.dispatch->finish_dispatch();
    }
    if (i + 1 < chunks_.size()) start(chunks_[i + 1], x, routing);
    experts(i);
    if (i > 0) finish_combine(chunks_[i - 1]);
    const ExposedTime time(exposed_s_);
    chunk.dispatch->start_combine(chunk.outputs);
  }
  finish_combine(chunks_.back());
}

void ChunkedExchange::exchange_once(ConstRows x, const Routing& routing, Rows out) {
  divide(x.num_rows());
  for (Chunk& chunk : chunks_) {
    start(chunk, x, routing);
    chunk.received = chunk.dispatch->finish_dispatch();
    make_outputs(chunk);
    chunk.dispatch->start_combine(chunk.outputs);
    chunk.dispatch->finish_combine(out.slice(chunk.first, chunk.count));
  }
}

void ChunkedExchange::make_outputs(Chunk& chunk) {
  const auto space = chunk.dispatch->expert_out_space();
  if (!space) chunk.own_outputs.resize(chunk.received.rows.num_rows());
  chunk.outputs = space ? *space : chunk.own_outputs.rows();
}

void ChunkedExchange::start(Chunk& chunk, ConstRows x, const Routing& routing) {
  const ExposedTime time(exposed_s_);
  chunk.routing.resize(chunk.count, routing.top_k);
  const std::int64_t first = chunk.first * routing.top_k, count = chunk.count * routing.top_k;
  queue_.copy(routing.topk_idx.view().part(first, count), chunk.routing.topk_idx.view());
  queue_.copy(routing.topk_weights.view().part(first, count), chunk.routing.topk_weights.view());
  chunk.dispatch->plan(chunk.routing);
  chunk.dispatch->start_dispatch(x.slice(chunk.first, chunk.count));
}

void ChunkedExchange::experts(std::size_t number) {
  Chunk& chunk = chunks_[number];
  const ReceivedTokens& received = chunk.received;
  make_outputs(chunk);
  const std::span<const std::int64_t> bounds = chunk.offsets.of(received.groups.offsets, queue_);
  for (std::size_t e = 0; e + 1 < bounds.size(); ++e) {
    const std::int64_t first = bounds[e], count = bounds[e + 1] - first;
    if (count == 0) continue;
    config_.experts->forward(received.rows.slice(first, count), RowGroups::whole(count),
                             std::span(config_.set_of_expert).subspan(e, 1), chunk.outputs.slice(first, count));
    const ExposedTime time(exposed_s_);
    if (number + 1 < chunks_.size()) chunks_[number + 1].dispatch->progress();
    if (number > 0) chunks_[number - 1].dispatch->progress();
  }
}

WireBytes ChunkedExchange::dispatch_bytes() const {
  WireBytes sum;
  for (const Chunk& chunk : chunks_) sum += chunk.dispatch->dispatch_bytes();
  return sum;
}

WireBytes ChunkedExchange::combine_bytes() const {
  WireBytes sum;
  for (const Chunk& chunk : chunks_) sum += chunk.dispatch->combine_bytes();
  return sum;
}

std::vector<Rows> ChunkedExchange::expert_outputs() const {
  std::vector<Rows> all;
  for (const Chunk& chunk : chunks_) all.push_back(chunk.outputs);
  return all;
}

void ChunkedExchange::for_each_exchange(
    const std::function<void(const Dispatch&, const Routing&, Communicator&)>& body) {
  for (Chunk& chunk : chunks_) body(*chunk.dispatch, chunk.routing, chunk.comm);
}

}  // namespace moeperf
