#pragma once

#include "benchmarks/layer/chunked_exchange.hpp"
#include "benchmarks/layer/layer_config.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/gate.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace moeperf {

/// One Mixture-of-Experts layer of a model whose experts are spread over ranks, forward:
///
///   routed[t] = Σ_k w[t,k] · expert_{i[t,k]}(x[t])   (i, w) the gate's choice as the scheme revised it
///   shared[t] = shared expert(x[t])
///
/// forward() does all of it; the steps, called in their order, are for those who time them or look in between. With
/// chunks the exchanges of parts of the batch run under the experts of others (ChunkedExchange), in forward() only.
///
/// All calls but those marked local are collective over the communicator. Rows, and what is between them (routing,
/// groups), are in the kernels' memory, and the work is ordered on their queue, which whoever reads the results waits
/// for. What else must see the host is said by routing_path() and Dispatcher::row_path().
class MoeLayer {
 public:
  /// Throws UserError for an unknown dispatcher, UnsupportedError where it cannot do what is asked for.
  explicit MoeLayer(const LayerConfig& config);

  /// x [T,H], its first row the token of global index `first_token` → routed [T,H], shared [T,H] (no rows where the
  /// model has no shared experts). All unchanged until the queue was waited for.
  void forward(ConstRows x, std::int64_t first_token, const GateState& router, Rows routed, Rows shared);

  void gate(ConstRows x, std::int64_t first_token, const GateState& router);
  void dispatch();
  void experts();  ///< local
  void combine(Rows routed);
  void shared_expert(Rows shared);  ///< local

  /// Goes through the exchanges of a batch with this routing and without experts, which makes their buffers. Throws
  /// UnsupportedError where they cannot be had.
  void exchange_once(ConstRows x, const Routing& routing, Rows routed);

  // Of the last batch; local:
  ConstRows logits() const { return logits_.rows(); }  ///< [T,E] f32
  const Routing& chosen() const { return chosen_; }    ///< by the gate; only where LayerConfig::keeps_choice
  const Routing& routing() const { return routing_; }  ///< as the scheme revised it, over logical experts
  const ReceivedTokens& received() const { return received_; }
  /// Seconds that this rank spent in exchanges in the last forward(), when it could not compute.
  double exposed_s() const { return exposed_s_; }
  /// Of the steps dispatch() and combine().
  WireBytes dispatch_bytes() const { return dispatch_->dispatch_bytes(); }
  WireBytes combine_bytes() const { return dispatch_->combine_bytes(); }
  /// Of forward(), both ways, all chunks together.
  WireBytes forward_bytes() const;

  const Dispatcher& dispatcher() const { return *dispatcher_; }
  /// Why and how the routing is copied to the host and back; empty: it is not.
  std::string routing_path() const;
  /// Memory of the experts' outputs of the last batch, of each exchange.
  std::vector<Rows> expert_outputs() const;
  /// Calls body(exchange, its routing, its communicator) for each that the last batch went through.
  using ExchangeBody = std::function<void(const Dispatch&, const Routing&, Communicator&)>;
  void for_each_exchange(const ExchangeBody& body);

 private:
  void revise(std::int64_t first_token);
  /// Over physical experts.
  const Routing& dispatched() const { return placement().has_replicas() ? physical_ : routing_; }
  const Placement& placement() const { return config_.exchange.placement; }
  bool routing_leaves_device() const;
  void make_outputs();

  LayerConfig config_;
  KernelBackend& kernels_;
  std::unique_ptr<Gate> gate_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Dispatch> dispatch_;
  std::optional<ChunkedExchange> chunked_;
  RowBuffer logits_, own_outputs_;
  Routing chosen_, routing_, physical_;
  Routing on_host_;  ///< where the routing must be seen there
  ConstRows x_;
  ReceivedTokens received_;
  Rows outputs_;  ///< [N,H] of the experts
  double exposed_s_ = 0;
};

}  // namespace moeperf
