#include "benchmarks/layer/moe_layer.hpp"

#include "benchmarks/layer/exposed_time.hpp"
#include "kernels/placement.hpp"
#include "kernels/routing_copies.hpp"

#include <utility>

namespace moeperf {

MoeLayer::MoeLayer(const LayerConfig& config)
    : config_(config),
      kernels_(*config.exchange.kernels),
      gate_(kernels_.make_gate(config.gate, config.exchange.hidden)),
      dispatcher_(make_dispatcher(config.dispatcher, config.exchange)),
      dispatch_(dispatcher_->make_dispatch()),
      logits_(0, config.gate.num_experts, DType::f32, kernels_.memory()),
      own_outputs_(0, config.exchange.hidden, config.exchange.dtype, kernels_.memory()),
      chosen_(kernels_.memory()),
      routing_(kernels_.memory()),
      physical_(kernels_.memory()) {
  if (config.chunks > 1) chunked_.emplace(config_);
}

void MoeLayer::forward(ConstRows x, std::int64_t first_token, const GateState& router, Rows routed, Rows shared) {
  exposed_s_ = 0;
  gate(x, first_token, router);
  if (chunked_) {
    chunked_->run(x, dispatched(), routed, [&] { shared_expert(shared); });
    exposed_s_ = chunked_->exposed_s();
    return;
  }
  dispatch();
  experts();
  combine(routed);
  shared_expert(shared);
}

void MoeLayer::gate(ConstRows x, std::int64_t first_token, const GateState& router) {
  x_ = x;
  logits_.resize(x.num_rows());
  Rows logits = logits_.rows();
  gate_->forward(x, router, &logits, routing_);
  if (config_.keeps_choice) copy_routing(kernels_.queue(), routing_, chosen_);
  revise(first_token);
}

bool MoeLayer::routing_leaves_device() const {
  const bool revised = config_.scheme != nullptr && config_.scheme->revises();
  return kernels_.memory().space() == MemorySpace::device && (revised || placement().has_replicas());
}

std::string MoeLayer::routing_path() const {
  if (!routing_leaves_device()) return "";
  return placement().has_replicas() ? "copied to the host and back: replicas of experts are chosen there"
                                    : "copied to the host and back: the scheme revises it there";
}

void MoeLayer::revise(std::int64_t first_token) {
  Queue& queue = kernels_.queue();
  const bool leaves_device = routing_leaves_device();
  Routing& seen = leaves_device ? on_host_ : routing_;
  if (leaves_device) {
    copy_routing(queue, routing_, on_host_);
    queue.wait();
  }
  if (config_.scheme != nullptr && config_.scheme->revises()) {
    config_.scheme->revise(seen, first_token);
    if (leaves_device) copy_routing(queue, on_host_, routing_);
  }
  if (!placement().has_replicas()) return;
  if (leaves_device) queue.wait();  // the host's copy changes once more
  if (!leaves_device) copy_routing(queue, routing_, physical_);
  physical_routing(placement(), first_token, leaves_device ? on_host_ : physical_);
  if (leaves_device) copy_routing(queue, on_host_, physical_);
}

void MoeLayer::dispatch() {
  const ExposedTime time(exposed_s_);
  dispatch_->plan(dispatched());
  received_ = dispatch_->dispatch(x_);
}

void MoeLayer::make_outputs() {
  const auto space = dispatch_->expert_out_space();
  if (!space) own_outputs_.resize(received_.rows.num_rows());
  outputs_ = space ? *space : own_outputs_.rows();
}

void MoeLayer::experts() {
  make_outputs();
  config_.experts->forward(received_.rows, received_.groups, config_.set_of_expert, outputs_);
}

void MoeLayer::combine(Rows routed) {
  const ExposedTime time(exposed_s_);
  dispatch_->combine(outputs_, routed);
}

void MoeLayer::shared_expert(Rows shared) {
  if (config_.shared_expert == nullptr) return;
  const std::int32_t set[]{0};
  config_.shared_expert->forward(x_, RowGroups::whole(x_.num_rows()), set, shared);
}

void MoeLayer::exchange_once(ConstRows x, const Routing& routing, Rows routed) {
  x_ = x;
  dispatch_->plan(routing);
  received_ = dispatch_->dispatch(x);
  make_outputs();
  dispatch_->combine(outputs_, routed);
  if (chunked_) chunked_->exchange_once(x, routing, routed);
}

WireBytes MoeLayer::forward_bytes() const {
  WireBytes wire = chunked_ ? chunked_->dispatch_bytes() : dispatch_bytes();
  wire += chunked_ ? chunked_->combine_bytes() : combine_bytes();
  return wire;
}

std::vector<Rows> MoeLayer::expert_outputs() const {
  std::vector<Rows> all{outputs_};
  if (chunked_) {
    for (const Rows& rows : chunked_->expert_outputs()) all.push_back(rows);
  }
  return all;
}

void MoeLayer::for_each_exchange(const ExchangeBody& body) {
  body(*dispatch_, dispatched(), *config_.exchange.comm);
  if (chunked_) chunked_->for_each_exchange(body);
}

}  // namespace moeperf
