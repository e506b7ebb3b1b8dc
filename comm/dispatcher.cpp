#include "comm/dispatcher.hpp"

namespace moeperf {

DispatcherRegistry& dispatcher_registry() {
  static DispatcherRegistry registry("dispatcher");
  return registry;
}

}  // namespace moeperf
