#include "kernels/balancing/scheme.hpp"

namespace moeperf {

SchemeRegistry& scheme_registry() {
  static SchemeRegistry registry("balancing scheme");
  return registry;
}

}  // namespace moeperf
