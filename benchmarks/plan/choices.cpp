#include "benchmarks/plan/choices.hpp"

#include <algorithm>
#include <tuple>

namespace moeperf {
namespace {

/// A choice with one more value.
Choice extended(const Choice& choice, const Axis& axis, const AxisValue& value) {
  Choice more = choice;
  more.spec = choice.spec.with(axis.name(), value.text);
  more.names_something = choice.names_something || value.is_named;
  if (choice.skip_reason.empty() && !value.skip_reason.empty()) {
    more.skip_reason = value.skip_reason;
    more.names_skipped = value.is_named;
  }
  return more;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<const Axis*> nested_axes() {
  std::vector<const Axis*> axes;
  for (const Axis& axis : all_axes()) {
    if (axis.varies_cases()) axes.push_back(&axis);
  }
  std::sort(axes.begin(), axes.end(), [](const Axis* a, const Axis* b) {
    return std::tie(a->nest, a->order, a->name()) < std::tie(b->nest, b->order, b->name());
  });
  return axes;
}

Choices::Choices(const SuiteConfig& config, Communicator& comm, Backends& backends)
    : config_(config), comm_(comm), backends_(backends) {
  for (const Axis* axis : nested_axes()) {
    std::vector<const Axis*> needed;
    for (const Axis* outer : nested_axes()) {
      if (outer == axis || contains(axis->depends_on, outer->name())) needed.push_back(outer);
    }
    product(needed);
  }
}

std::vector<Choice> Choices::of(const BenchmarkKind& kind) {
  std::vector<const Axis*> axes = nested_axes();
  std::erase_if(axes, [&](const Axis* axis) { return !kind.varies_over(axis->name()); });
  return product(axes);
}

const std::vector<AxisValue>& Choices::values(const Axis& axis, const CaseSpec& spec) {
  CaseSpec chosen;
  for (const std::string& outer : axis.depends_on) chosen = chosen.with(outer, spec.value(outer));
  const auto [known, is_new] = known_.try_emplace({axis.name(), chosen});
  if (is_new) known->second = axis.values_in({config_, comm_, &backends_, chosen});
  return known->second;
}

std::vector<Choice> Choices::product(const std::vector<const Axis*>& axes) {
  std::vector<Choice> choices(1);
  for (const Axis* axis : axes) {
    std::vector<Choice> next;
    for (const Choice& choice : choices) {
      for (const AxisValue& value : values(*axis, choice.spec)) next.push_back(extended(choice, *axis, value));
    }
    choices = std::move(next);
  }
  return choices;
}

}  // namespace moeperf
