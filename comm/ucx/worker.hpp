#pragma once

#include "comm/ucx/context.hpp"

#include <ucp/api/ucp.h>

#include <memory>
#include <string>

namespace moeperf {

/// Owning ucp_worker_h for one thread. Keeps its context.
class UcxWorker {
 public:
  explicit UcxWorker(std::shared_ptr<UcxContext> context);
  ~UcxWorker() { ucp_worker_destroy(worker_); }
  UcxWorker(const UcxWorker&) = delete;
  UcxWorker& operator=(const UcxWorker&) = delete;

  ucp_worker_h get() const { return worker_; }
  UcxContext& context() const { return *context_; }
  /// What others make their endpoints from: bytes, never empty.
  std::string address() const;
  /// Active messages `id` go to `callback(arg, …)`, called from ucp_worker_progress. It must not throw.
  void set_handler(unsigned id, ucp_am_recv_callback_t callback, void* arg);

 private:
  std::shared_ptr<UcxContext> context_;
  ucp_worker_h worker_ = nullptr;
};

}  // namespace moeperf
