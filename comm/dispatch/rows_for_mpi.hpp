#pragma once

#include "comm/dispatcher.hpp"
#include "comm/mpi/device_support.hpp"

#include <optional>
#include <string>

namespace moeperf {

/// Registry::Entry::unsupported_reason of dispatchers that hand rows to MPI without looking into them: rows on the
/// host, or in device memory that this MPI takes. Others are staged for them (comm/staged_dispatcher.hpp).
inline std::optional<std::string> rows_for_mpi(const DispatchContext& context) {
  MemoryResource& memory = context.kernels->memory();
  return memory.space() == MemorySpace::host ? std::nullopt : mpi_refuses_memory_of(memory.runtime());
}

}  // namespace moeperf
