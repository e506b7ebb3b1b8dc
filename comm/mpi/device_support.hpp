#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace moeperf {

/// Why this MPI library cannot be handed device memory of `runtime` (MemoryResource::runtime), nothing when it can. As
/// the library itself says; no message is sent. Local.
std::optional<std::string> mpi_refuses_memory_of(std::string_view runtime);

}  // namespace moeperf
