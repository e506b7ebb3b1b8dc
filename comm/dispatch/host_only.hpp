#pragma once

#include "comm/dispatcher.hpp"

#include <optional>
#include <string>

namespace moeperf {

/// Registry::Entry::unsupported_reason of dispatchers that read and write rows on the host. Rows in device memory are
/// then staged for them (comm/staged_dispatcher.hpp).
inline std::optional<std::string> host_only(const DispatchContext& context) {
  if (context.kernels->memory().space() != MemorySpace::host) return "its rows must be in host memory";
  return std::nullopt;
}

}  // namespace moeperf
