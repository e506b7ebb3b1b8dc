#include "kernels/backend.hpp"

#include <omp.h>

namespace moeperf {

std::unique_ptr<KernelBackend> make_host_kernels(const KernelContext& context) {
  std::unique_ptr<KernelBackend> best;
  int priority = 0;
  for (const auto& entry : kernel_registry().entries()) {
    if (best != nullptr && entry.priority <= priority) continue;
    if (kernel_registry().why_not(entry, context)) continue;
    auto backend = entry.make(context);
    if (backend->memory().space() != MemorySpace::host) continue;
    best = std::move(backend);
    priority = entry.priority;
  }
  if (best == nullptr) throw UnsupportedError("no kernel backend for rows in host memory can run here");
  return best;
}

KernelRegistry& kernel_registry() {
  static KernelRegistry registry("kernel backend");
  return registry;
}

KernelBackend& host_kernels() {
  static const std::unique_ptr<KernelBackend> backend = make_host_kernels({omp_get_max_threads()});
  return *backend;
}

}  // namespace moeperf
