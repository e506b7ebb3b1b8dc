#pragma once

#include "kernels/base/reducer.hpp"
#include "kernels/base/registry.hpp"
#include "kernels/gate.hpp"
#include "kernels/placement.hpp"

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moeperf {

/// One rank's part of a step's batch, after the gate.
struct GateBatch {
  ConstRows logits{};                    ///< [T,E], f32
  const Routing* routing = nullptr;      ///< the gate's choice, before drops; index -1: padding
  std::int64_t first_token = 0;          ///< global index of row 0
  std::span<const float> bias{};         ///< [E], that was in use
  std::span<const double> logits_f64{};  ///< [T,E], instead of `logits` where recorded ones are routed in double

  /// body(std::span<const float>) or body(std::span<const double>) with the logits, [T,E].
  template <class Body>
  auto with_logits(const Body& body) const {
    if (!logits_f64.empty()) return body(logits_f64);
    const auto size = static_cast<std::size_t>(logits.num_rows() * logits.num_cols());
    return body(size == 0 ? std::span<const float>() : std::span<const float>(logits.row<float>(0), size));
  }
};

/// What a scheme wants of the router after a step. It changes nothing itself: RouterOptimizer (kernels/optimizer.hpp)
/// or a training program does. Views stay valid until the scheme's next update().
struct RouterChange {
  double loss = std::nan("");      ///< value of the scheme's loss; NaN: it has none
  std::span<const double> bias{};  ///< [E], to be added to GateState::bias, the same on every rank; empty: none
  std::span<const double> logit_gradient{};  ///< [T,E] of this rank's tokens: the loss by their logits; 0 for padding
  /// Tokens of all ranks that the gradient is of, the same on every rank; 0: no gradient.
  std::int64_t gradient_tokens = 0;
};

/// What a scheme remembers from step to step: GateState::extra, under names of its own.
using SchemeMemory = std::map<std::string, std::vector<float>>;

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

/// A way to even out the load of the experts. Two moments: `revise` acts on the gate's choice before dispatch; `update`
/// is the one return edge from a step to the next. Auxiliary-loss schemes ask for a step down the gradient of their
/// loss, loss-free ones for a change of the selection bias.
///
/// What a scheme carries from step to step is its memory, never in the object, which only holds scratch: another object
/// of the same scheme must go on from a copy of the state as this one would.
class BalancingScheme {
 public:
  virtual ~BalancingScheme() = default;
  virtual std::string_view name() const = 0;

  /// Whether update() does anything: without it, steps leave the router as it was drawn.
  virtual bool changes_router() const { return true; }
  /// Whether revise() does anything.
  virtual bool revises() const { return false; }
  /// Whether revise() replaces the gate's choice instead of thinning it: the load is then its own.
  virtual bool replaces_choice() const { return false; }
  /// Whether GateState::bias is this scheme's.
  virtual bool has_bias() const { return false; }
  /// Whether update() returns a loss and its gradient.
  virtual bool has_loss() const { return false; }

  /// Local. Drops copies over capacity (aux-loss) or replaces the choice (ideal); else does nothing.
  virtual void revise(Routing& routing, std::int64_t first_token) { (void)routing, (void)first_token; }

  /// Collective over the ranks of the reducer given at construction: every rank calls it once per
  /// step, with T = 0 too. `batch.routing` is what the gate chose before revise(). `memory` is the scheme's to change.
  virtual RouterChange update(const GateBatch& batch, SchemeMemory& memory) = 0;

  /// Collective. What must hold of this scheme's steps, by its own formulas written out once more in plain steps, on
  /// every rank alike; each claim names itself in a report. Nothing where a scheme has nothing to claim.
  virtual std::vector<Claim> check(const SchemeRecord& record) {
    (void)record;
    return {};
  }
};

struct SchemeContext {
  GateConfig gate;
  Settings settings;           ///< the scheme's own
  Reducer* reducer = nullptr;  ///< outlives the scheme
};

/// What is known of a scheme before one is made.
struct SchemeTraits {
  std::vector<Setting> settings{};  ///< its table [balancing.NAME] and its options of `moeperf route`
};

using SchemeRegistry = Registry<BalancingScheme, SchemeContext, SchemeTraits>;
SchemeRegistry& scheme_registry();

/// The settings of one scheme: what a workload gives, else the defaults. Throws UserError for unknown names.
Settings scheme_settings(const BalancingConfig& balancing, std::string_view name);

/// A scheme with the settings that a workload gives it. `reducer` outlives it. Throws as SchemeRegistry::make.
std::unique_ptr<BalancingScheme> make_scheme(std::string_view name, const GateConfig& gate,
                                             const BalancingConfig& balancing, Reducer& reducer);

}  // namespace moeperf
