#pragma once

#include <ucp/api/ucp.h>

#include <memory>
#include <string>

namespace moeperf {

/// Owning ucp_context_h for one-sided writes and active messages. Its transports are those of UCX's own environment
/// variables (UCX_TLS, UCX_NET_DEVICES, …). Local.
class UcxContext {
 public:
  UcxContext();
  ~UcxContext() { ucp_cleanup(context_); }
  UcxContext(const UcxContext&) = delete;
  UcxContext& operator=(const UcxContext&) = delete;

  /// The process' one context, made when nobody holds it: opening the devices is what costs. For one thread.
  static std::shared_ptr<UcxContext> shared();

  ucp_context_h get() const { return context_; }
  /// The kinds of memory that it moves without help, for example "host, cuda".
  std::string memory_types() const;

 private:
  ucp_context_h context_ = nullptr;
};

}  // namespace moeperf
