#include "kernels/traffic/pattern.hpp"

#include <utility>

namespace moeperf {

TrafficRegistry& traffic_registry() {
  static TrafficRegistry registry("traffic pattern");
  return registry;
}

TrafficRegistration::TrafficRegistration(std::string name, std::string summary,
                                         std::function<std::unique_ptr<TrafficPattern>(const TrafficContext&)> make) {
  traffic_registry().add({.name = std::move(name),
                          .summary = std::move(summary),
                          .priority = 0,
                          .unsupported_reason = {},
                          .make = std::move(make),
                          .missing_option = {}});
}

}  // namespace moeperf
