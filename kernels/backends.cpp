#include "kernels/backends.hpp"

namespace moeperf {

KernelBackend& Backends::get(std::string_view name, const KernelContext& context) {
  const std::pair key{std::string(name), context.num_threads};
  const auto found = made_.find(key);
  if (found != made_.end()) return *found->second;
  auto backend = kernel_registry().make(name, context);
  return *made_.emplace(key, std::move(backend)).first->second;
}

KernelBackend& Backends::on_host(const KernelContext& context) {
  KernelBackend* best = nullptr;
  int priority = 0;
  for (const auto& entry : kernel_registry().entries()) {
    if (best != nullptr && entry.priority <= priority) continue;
    if (kernel_registry().why_not(entry, context)) continue;
    KernelBackend& backend = get(entry.name, context);
    if (backend.memory().space() != MemorySpace::host) continue;
    best = &backend;
    priority = entry.priority;
  }
  if (best == nullptr) throw UnsupportedError("no kernel backend for rows in host memory can run here");
  return *best;
}

}  // namespace moeperf
