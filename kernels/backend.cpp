#include "kernels/backend.hpp"

#include <omp.h>

namespace moeperf {
namespace {

std::unique_ptr<KernelBackend> best_host_backend() {
  const KernelContext context{omp_get_max_threads()};
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

}  // namespace

KernelRegistry& kernel_registry() {
  static KernelRegistry registry("kernel backend");
  return registry;
}

KernelBackend& host_kernels() {
  static const std::unique_ptr<KernelBackend> backend = best_host_backend();
  return *backend;
}

}  // namespace moeperf
