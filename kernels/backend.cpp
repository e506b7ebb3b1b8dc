#include "kernels/backend.hpp"

namespace moeperf {

KernelRegistry& kernel_registry() {
  static KernelRegistry registry("kernel backend");
  return registry;
}

}  // namespace moeperf
