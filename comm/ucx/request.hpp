#pragma once

#include "comm/ucx/error.hpp"

#include <ucp/api/ucp.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace moeperf {

/// Owning, move-only result of a non-blocking call: nothing where the call was complete at once. The operation of one
/// that is dropped goes on.
class UcxRequest {
 public:
  UcxRequest() = default;
  /// Throws UcxError where `status` is an error. `call` is kept: a literal.
  UcxRequest(ucs_status_ptr_t status, const char* call) : call_(call) {
    if (UCS_PTR_IS_ERR(status)) throw UcxError(call, UCS_PTR_STATUS(status));
    request_ = status;
  }
  UcxRequest(UcxRequest&& other) noexcept : request_(std::exchange(other.request_, nullptr)), call_(other.call_) {}
  UcxRequest& operator=(UcxRequest&& other) noexcept {
    std::swap(request_, other.request_);
    std::swap(call_, other.call_);
    return *this;
  }
  ~UcxRequest() { release(); }

  /// Whether it is complete, which only progress of the worker changes. Throws UcxError where it failed.
  bool done() {
    if (request_ == nullptr) return true;
    const ucs_status_t status = ucp_request_check_status(request_);
    if (status == UCS_INPROGRESS) return false;
    release();
    if (status != UCS_OK) throw UcxError(call_, status);
    return true;
  }

 private:
  void release() {
    if (request_ != nullptr) ucp_request_free(request_);
    request_ = nullptr;
  }

  void* request_ = nullptr;
  const char* call_ = "";
};

/// Forgets those that are complete; true when none is left.
inline bool all_done(std::vector<UcxRequest>& requests) {
  requests.erase(std::remove_if(requests.begin(), requests.end(), [](UcxRequest& one) { return one.done(); }),
                 requests.end());
  return requests.empty();
}

/// For calls without options.
inline constexpr ucp_request_param_t ucx_no_options{};

}  // namespace moeperf
