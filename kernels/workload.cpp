#include "kernels/workload.hpp"

#include "kernels/balancing/scheme.hpp"
#include "kernels/traffic/pattern.hpp"
#include "kernels/workload_sizes.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

namespace moeperf {
namespace {

// One table for each enumeration: its text forms in the order of the declaration.
constexpr auto names_of(Score) {
  return std::array<std::pair<Score, std::string_view>, 3>{
      {{Score::softmax, "softmax"}, {Score::sigmoid, "sigmoid"}, {Score::sqrt_softplus, "sqrt_softplus"}}};
}
constexpr auto names_of(GroupScore) {
  return std::array<std::pair<GroupScore, std::string_view>, 2>{
      {{GroupScore::top2_sum, "top2_sum"}, {GroupScore::max, "max"}}};
}
constexpr auto names_of(Activation) {
  return std::array<std::pair<Activation, std::string_view>, 2>{
      {{Activation::swiglu, "swiglu"}, {Activation::relu, "relu"}}};
}
constexpr auto names_of(PhaseKind) {
  return std::array<std::pair<PhaseKind, std::string_view>, 3>{
      {{PhaseKind::train, "train"}, {PhaseKind::prefill, "prefill"}, {PhaseKind::decode, "decode"}}};
}

template <class Enum>
std::string_view name_of(Enum value) {
  for (const auto& [known, text] : names_of(Enum{})) {
    if (known == value) return text;
  }
  return "unknown";
}

/// Collects the first violated rule of several; later ones are ignored.
class Rules {
 public:
  template <class Value>
  void require(bool holds, std::string_view key, Value given, std::string_view accepted) {
    if (!holds && !first_) first_ = Violation{std::string(key), fmt::format("{} given; accepted: {}", given, accepted)};
  }
  void not_negative(std::string_view key, double given) {
    require(std::isfinite(given) && given >= 0, key, given, "a finite number, 0 or more");
  }
  void add(const Violation& violation) {
    if (!first_) first_ = violation;
  }
  bool broken() const { return first_.has_value(); }
  std::optional<Violation> first() const { return first_; }

 private:
  std::optional<Violation> first_;
};

void check_model(Rules& rules, const ModelShape& model) {
  const GateConfig& gate = model.gate;
  rules.require(model.hidden >= 1, "model.hidden", model.hidden, "an integer of at least 1");
  rules.require(model.intermediate >= 1, "model.intermediate", model.intermediate, "an integer of at least 1");
  rules.require(gate.num_experts >= 1, "model.experts", gate.num_experts, "an integer of at least 1");
  rules.require(gate.top_k >= 1 && gate.top_k <= gate.num_experts, "model.top_k", gate.top_k,
                fmt::format("1 to model.experts ({})", gate.num_experts));
  rules.require(gate.groups >= 1 && gate.groups <= gate.num_experts, "model.groups", gate.groups,
                fmt::format("1 to model.experts ({})", gate.num_experts));
  if (rules.broken()) return;
  const std::int32_t group_size = gate.num_experts / gate.groups;
  rules.require(gate.num_experts % gate.groups == 0, "model.groups", gate.groups,
                fmt::format("a divisor of model.experts ({})", gate.num_experts));
  rules.require(gate.topk_groups >= 1 && gate.topk_groups <= gate.groups, "model.topk_groups", gate.topk_groups,
                fmt::format("1 to model.groups ({})", gate.groups));
  rules.require(gate.top_k <= std::int64_t{gate.topk_groups} * group_size, "model.top_k", gate.top_k,
                fmt::format("at most the {} experts of the {} kept groups (model.topk_groups)",
                            std::int64_t{gate.topk_groups} * group_size, gate.topk_groups));
  rules.require(gate.groups == 1 || gate.group_score != GroupScore::top2_sum || group_size >= 2, "model.groups",
                gate.groups, "groups of at least 2 experts with group_score = \"top2_sum\"");
  rules.require(gate.routed_scale > 0 && factor_range.has(gate.routed_scale), "model.routed_scale", gate.routed_scale,
                fmt::format("above 0, up to {}", factor_range.most));
  rules.require(model.shared_experts >= 0, "model.shared_experts", model.shared_experts, "an integer, 0 or more");
  rules.require(model.moe_layers >= 1, "model.moe_layers", model.moe_layers, "an integer of at least 1");
}

void check_phase(Rules& rules, const Phase& phase) {
  const std::string key = fmt::format("phase.{}.tokens_per_rank", name(phase.kind));
  bool any = false;
  for (const std::int64_t tokens : phase.tokens_per_rank) {
    rules.require(tokens >= 0, key, tokens, "integers, 0 or more");
    any = any || tokens > 0;
  }
  rules.require(any, key, phase.tokens_per_rank.empty() ? "an empty list" : "only zeros",
                "a list with at least one number above 0");
}

/// Every scheme's or pattern's settings, in the table PREFIX.NAME.
template <class Registry>
void check_settings(Rules& rules, const std::string& prefix, const Registry& registry, const GivenSettings& given) {
  for (const auto& entry : registry.entries()) {
    const auto values = given.find(entry.name);
    if (values == given.end()) continue;
    for (const Setting& setting : entry.traits.settings) {
      const auto value = values->second.find(setting.name);
      if (value == values->second.end()) continue;
      if (const auto reason = why_not_accepted(setting, value->second)) {
        rules.add({fmt::format("{}.{}.{}", prefix, entry.name, setting.name), *reason});
      }
    }
  }
}

void check_traffic(Rules& rules, const TrafficConfig& traffic, const GateConfig& gate) {
  rules.require(!traffic.pattern.empty(), "traffic.pattern", "an empty name", "the name of a traffic pattern");
  rules.not_negative("traffic.target_maxvio", traffic.target_maxvio);
  check_settings(rules, "traffic", traffic_registry(), traffic.settings);
  if (rules.broken()) return;
  for (const auto& entry : traffic_registry().entries()) {
    if (entry.name != traffic.pattern || !entry.traits.violation) continue;
    if (const auto violation = entry.traits.violation(traffic, gate)) rules.add(*violation);
  }
}

/// A thousand times the default. At 10^6 the router's weights get so large that results leave their tolerance.
constexpr double max_learning_rate = 1e4;

void check_balancing(Rules& rules, const BalancingConfig& balancing) {
  rules.require(balancing.steps >= 0, "balancing.steps", balancing.steps, "an integer, 0 or more");
  const double rate = balancing.optimizer.learning_rate;
  rules.require(rate >= 0 && rate <= max_learning_rate, "balancing.optimizer.learning_rate", rate,
                fmt::format("0 to {}", max_learning_rate));
  check_settings(rules, "balancing", scheme_registry(), balancing.settings);
}

}  // namespace

std::string_view name(Score value) { return name_of(value); }
std::string_view name(GroupScore value) { return name_of(value); }
std::string_view name(Activation value) { return name_of(value); }
std::string_view name(PhaseKind value) { return name_of(value); }

template <class Enum>
std::optional<Enum> parse(std::string_view text) {
  for (const auto& [value, known] : names_of(Enum{})) {
    if (known == text) return value;
  }
  return std::nullopt;
}

template <class Enum>
std::string choices() {
  std::string list;
  for (const auto& [value, known] : names_of(Enum{})) {
    if (!list.empty()) list += " | ";
    list += known;
  }
  return list;
}

#define MOEPERF_ENUM_TEXT(Enum)                               \
  template std::optional<Enum> parse<Enum>(std::string_view); \
  template std::string choices<Enum>()
MOEPERF_ENUM_TEXT(Score);
MOEPERF_ENUM_TEXT(GroupScore);
MOEPERF_ENUM_TEXT(Activation);
MOEPERF_ENUM_TEXT(PhaseKind);
#undef MOEPERF_ENUM_TEXT

std::optional<Violation> first_violation(const Workload& workload) {
  Rules rules;
  check_model(rules, workload.model);
  rules.require(!workload.phases.empty(), "phase", "no phase",
                "at least one of [phase.train], [phase.prefill], [phase.decode]");
  for (const Phase& phase : workload.phases) check_phase(rules, phase);
  check_traffic(rules, workload.traffic, workload.model.gate);
  check_balancing(rules, workload.balancing);
  return rules.broken() ? rules.first() : first_oversize(workload);
}

}  // namespace moeperf
