#pragma once

#include "kernels/backend.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace moeperf {

/// The kernel backends of one process, each made once, when it is first asked for, and all of them ended with this
/// object: before MPI is, since runtimes of devices want that. A program has one; whoever needs a backend is given it.
class Backends {
 public:
  /// `context`: what the backends are made for.
  explicit Backends(const KernelContext& context) : context_(context) {}
  Backends(const Backends&) = delete;
  Backends& operator=(const Backends&) = delete;

  const KernelContext& context() const { return context_; }

  /// The named one. Throws as KernelRegistry::make.
  KernelBackend& get(std::string_view name) { return get(name, context_); }
  /// Plain loops on one thread: the oracle.
  KernelBackend& reference() { return get("reference", {1}); }
  /// The best whose memory is the host's. Throws UnsupportedError where there is none.
  KernelBackend& on_host() { return on_host(context_); }
  /// The same on one thread, to calibrate with.
  KernelBackend& on_host_alone() { return on_host({1}); }

 private:
  KernelBackend& get(std::string_view name, const KernelContext& context);
  KernelBackend& on_host(const KernelContext& context);

  KernelContext context_;
  std::map<std::pair<std::string, int>, std::unique_ptr<KernelBackend>> made_;  ///< by name and threads
};

}  // namespace moeperf
