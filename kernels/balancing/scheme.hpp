#pragma once

#include "kernels/base/reducer.hpp"
#include "kernels/base/registry.hpp"
#include "kernels/gate.hpp"
#include "kernels/placement.hpp"

#include <cmath>
#include <memory>
#include <string_view>

namespace moeperf {

/// One rank's part of a step's batch, after the gate.
struct GateBatch {
  ConstRows x;                       ///< [T,H], f32 or bf16
  ConstRows logits;                  ///< [T,E], f32
  const Routing* routing = nullptr;  ///< the gate's choice, before drops
  std::int64_t first_token = 0;      ///< global index of row 0
};

/// What one update tells.
struct BalancingStep {
  double aux_loss = std::nan("");  ///< value of the loss; NaN for schemes without one
};

/// A way to even out the load of the experts. Two moments: `revise` acts on the gate's choice before
/// dispatch; `update` is the one return edge from a step to the next. Auxiliary-loss schemes change
/// GateState::weight by a gradient, loss-free ones change GateState::bias.
class BalancingScheme {
 public:
  virtual ~BalancingScheme() = default;
  virtual std::string_view name() const = 0;

  /// Whether update() does anything: without it, steps leave the router as it was drawn.
  virtual bool changes_router() const { return true; }
  /// Whether revise() replaces the gate's choice instead of thinning it: the load is then its own.
  virtual bool replaces_choice() const { return false; }
  /// Whether GateState::bias is this scheme's.
  virtual bool has_bias() const { return false; }

  /// Local. Drops copies over capacity (aux-loss) or replaces the choice (ideal); else does nothing.
  virtual void revise(Routing& routing, std::int64_t first_token) { (void)routing, (void)first_token; }

  /// Collective over the ranks of the reducer given at construction: every rank calls it once per
  /// step, with T = 0 too. `batch.routing` is what the gate chose before revise().
  virtual BalancingStep update(GateState& state, const GateBatch& batch) = 0;
};

struct SchemeContext {
  GateConfig gate;
  BalancingConfig balancing;
  Reducer* reducer = nullptr;  ///< outlives the scheme
};

using SchemeRegistry = Registry<BalancingScheme, SchemeContext>;
SchemeRegistry& scheme_registry();

}  // namespace moeperf
