#include "kernels/traffic/pattern.hpp"

namespace moeperf {

TrafficRegistry& traffic_registry() {
  static TrafficRegistry registry("traffic pattern");
  return registry;
}

}  // namespace moeperf
