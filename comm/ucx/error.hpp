#pragma once

#include "kernels/base/error.hpp"

#include <ucp/api/ucp.h>

#include <string>

namespace moeperf {

/// A UCX call that failed: names the call (and the peer where there is one), UCX's text, the rank and the host.
class UcxError : public Error {
 public:
  UcxError(const std::string& call, ucs_status_t status);
};

/// Throws UcxError unless `status` is UCS_OK. Use as ucx_check(ucp_foo(...), "ucp_foo").
void ucx_check(ucs_status_t status, const char* call);

}  // namespace moeperf
