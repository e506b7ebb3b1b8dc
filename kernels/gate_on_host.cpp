#include "kernels/gate_on_host.hpp"

namespace moeperf {

GateOnHost::GateOnHost(KernelBackend& backend, const GateConfig& config, std::int64_t hidden)
    : backend_(backend),
      config_(config),
      gate_(backend.make_gate(config, hidden)),
      logits_(0, config.num_experts, DType::f32, backend.memory()),
      routing_(backend.memory()) {}

void GateOnHost::forward(ConstRows x, const GateState& state, Rows* logits, Routing& routing) {
  Queue& queue = backend_.queue();
  if (backend_.memory().space() == MemorySpace::host) {
    gate_->forward(x, state, logits, routing);
    queue.wait();
    return;
  }
  RowBuffer x_on_device(x.num_rows(), x.format(), backend_.memory());
  queue.copy(x, x_on_device.rows());
  logits_.resize(x.num_rows());
  Rows z = logits_.rows();
  gate_->forward(x_on_device.rows(), state, &z, routing_);
  routing.resize(x.num_rows(), config_.top_k);
  queue.copy(routing_.topk_idx.view(), routing.topk_idx.view());
  queue.copy(routing_.topk_weights.view(), routing.topk_weights.view());
  if (logits != nullptr) queue.copy(z, *logits);
  queue.wait();
}

}  // namespace moeperf
