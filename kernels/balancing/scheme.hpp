#pragma once

#include "kernels/base/reducer.hpp"
#include "kernels/base/registry.hpp"
#include "kernels/gate.hpp"
#include "kernels/placement.hpp"

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// Steps that were taken, from the initial router on, over all ranks: what a scheme's check goes by.
struct SchemeRecord {
  std::int64_t num_experts = 0;        ///< E
  std::int64_t tokens_global = 0;      ///< of each step
  std::span<const std::int64_t> load;  ///< [step, E], copies routed before drops
  std::span<const float> bias;         ///< [step, E], in use at that step; empty without has_bias()
  std::span<const double> aux_loss;    ///< [step]; empty: no loss
  ConstRows logits;                    ///< [T,E] of this rank at the last step
  const GateState* reached = nullptr;  ///< after the last update

  std::int64_t num_steps() const { return static_cast<std::int64_t>(load.size()) / num_experts; }
  std::span<const std::int64_t> load_of(std::int64_t step) const {
    return load.subspan(static_cast<std::size_t>(step * num_experts), static_cast<std::size_t>(num_experts));
  }
};

/// Something that must hold of a record, and how often it did.
struct Claim {
  std::string text;  ///< in words, one line without ';'
  std::int64_t checked = 0;
  std::int64_t wrong = 0;

  void require(bool holds) {
    ++checked;
    if (!holds) ++wrong;
  }
};

/// A way to even out the load of the experts. Two moments: `revise` acts on the gate's choice before
/// dispatch; `update` is the one return edge from a step to the next. Auxiliary-loss schemes change
/// GateState::weight by a gradient, loss-free ones change GateState::bias.
///
/// What a scheme carries from step to step is in the GateState, what is neither weight nor bias in its `extra`: another
/// object of the same scheme must go on from a copy of the state as this one would.
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

  /// Collective. What must hold of this scheme's steps, by its own formulas written out once more in plain steps, on
  /// every rank alike; each claim names itself in a report. Nothing where a scheme has nothing to claim.
  virtual std::vector<Claim> check(const SchemeRecord& record) {
    (void)record;
    return {};
  }
};

struct SchemeContext {
  GateConfig gate;
  BalancingConfig balancing;
  Reducer* reducer = nullptr;  ///< outlives the scheme
};

using SchemeRegistry = Registry<BalancingScheme, SchemeContext>;
SchemeRegistry& scheme_registry();

}  // namespace moeperf
