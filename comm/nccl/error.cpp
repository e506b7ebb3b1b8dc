#include "comm/nccl/error.hpp"

#include "comm/mpi/error.hpp"

#include <fmt/format.h>

#include <string>

namespace moeperf {
namespace {

std::string describe(const char* call, ncclResult_t code, ncclComm_t comm) {
  const char* last = ncclGetLastError(comm);
  const bool says_more = last != nullptr && *last != '\0';
  return fmt::format("{} failed on {}: {}{}", call, this_process(), ncclGetErrorString(code),
                     says_more ? std::string(" (") + last + ")" : "");
}

}  // namespace

NcclError::NcclError(const char* call, ncclResult_t code, ncclComm_t comm) : Error(describe(call, code, comm)) {}

void nccl_check(ncclResult_t code, const char* call, ncclComm_t comm) {
  if (code != ncclSuccess && code != ncclInProgress) throw NcclError(call, code, comm);
}

}  // namespace moeperf
