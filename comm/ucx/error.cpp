#include "comm/ucx/error.hpp"

#include "comm/mpi/error.hpp"

namespace moeperf {

UcxError::UcxError(const std::string& call, ucs_status_t status)
    : Error(call + " failed on " + this_process() + ": " + ucs_status_string(status)) {}

void ucx_check(ucs_status_t status, const char* call) {
  if (status != UCS_OK) throw UcxError(call, status);
}

}  // namespace moeperf
