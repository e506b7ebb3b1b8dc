#pragma once

#include "kernels/base/error.hpp"

#include <nccl.h>

namespace moeperf {

/// An NCCL call that failed, or work that failed later: names the call, NCCL's text and its last message, the rank and
/// the host.
class NcclError : public Error {
 public:
  /// `comm` may be null.
  NcclError(const char* call, ncclResult_t code, ncclComm_t comm);
};

/// Throws NcclError unless `code` is ncclSuccess or, as calls on a non-blocking communicator may answer,
/// ncclInProgress. Use as nccl_check(ncclFoo(..., comm, ...), "ncclFoo", comm).
void nccl_check(ncclResult_t code, const char* call, ncclComm_t comm);

}  // namespace moeperf
