#include "harness/synchroniser.hpp"

namespace moeperf {

SynchroniserRegistry& synchroniser_registry() {
  static SynchroniserRegistry registry("synchroniser");
  return registry;
}

}  // namespace moeperf
