#include "kernels/traffic/pattern.hpp"

#include <utility>

namespace moeperf {

TrafficRegistry& traffic_registry() {
  static TrafficRegistry registry("traffic pattern");
  return registry;
}

TrafficRegistration::TrafficRegistration(std::string name, std::string summary,
                                         std::function<std::unique_ptr<TrafficPattern>(const TrafficContext&)> make,
                                         PatternTraits traits) {
  traffic_registry().add({.name = std::move(name),
                          .summary = std::move(summary),
                          .priority = 0,
                          .unsupported_reason = {},
                          .make = std::move(make),
                          .missing_option = {},
                          .traits = std::move(traits)});
}

Settings pattern_settings(const TrafficConfig& traffic, std::string_view name) {
  const auto& entry = traffic_registry().at(name);
  const auto given = traffic.settings.find(entry.name);
  return {entry.traits.settings, given == traffic.settings.end() ? GivenValues{} : given->second};
}

double expected_maxvio(const TrafficConfig& traffic, const GateConfig& gate) {
  const PatternTraits& traits = traffic_registry().at(traffic.pattern).traits;
  return traits.expected_maxvio ? traits.expected_maxvio(traffic, gate) : traffic.target_maxvio;
}

std::vector<KeptRows> kept_rows(const TrafficConfig& traffic) {
  std::vector<KeptRows> kept;
  for (const auto& entry : traffic_registry().entries()) {
    const Settings settings = pattern_settings(traffic, entry.name);
    for (const auto& [setting, value] : settings.all()) {
      if (!setting.counts_rows) continue;
      kept.push_back({"traffic." + entry.name + "." + setting.name, std::get<std::int64_t>(value)});
    }
  }
  return kept;
}

}  // namespace moeperf
