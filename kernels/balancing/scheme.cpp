#include "kernels/balancing/scheme.hpp"

namespace moeperf {

SchemeRegistry& scheme_registry() {
  static SchemeRegistry registry("balancing scheme");
  return registry;
}

Settings scheme_settings(const BalancingConfig& balancing, std::string_view name) {
  const auto& entry = scheme_registry().at(name);
  const auto given = balancing.settings.find(entry.name);
  return {entry.traits.settings, given == balancing.settings.end() ? GivenValues{} : given->second};
}

std::unique_ptr<BalancingScheme> make_scheme(std::string_view name, const GateConfig& gate,
                                             const BalancingConfig& balancing, Reducer& reducer) {
  return scheme_registry().make(name, {gate, scheme_settings(balancing, name), &reducer});
}

}  // namespace moeperf
