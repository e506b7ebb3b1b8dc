#pragma once

#include "comm/mpi/communicator.hpp"
#include "results/model.hpp"

#include <cstdint>
#include <string>

namespace moeperf {

/// Records what could matter to a repetition of the run: versions, hosts, CPU, memory, kernel, binding,
/// governor, environment variables, job. Collective; complete on rank 0 only.
Environment capture_environment(const Communicator& comm);

/// UTC, ISO 8601 to the second: "2031-01-31T23:59:59Z".
std::string utc_time();
/// Like utc_time() but fit for a file name: "20310131T235959Z".
std::string utc_time_compact();
std::string host_name();

/// Memory that this process's node has left, in bytes: the lesser of MemAvailable and what the control
/// group leaves. Local.
std::int64_t available_memory_bytes();
/// Size of the last-level cache in bytes (hwloc); 32 MiB where unknown. Local.
std::int64_t last_level_cache_bytes();
/// OpenMP threads of this rank.
int num_threads();

/// Program version, with the git commit it was built from.
std::string version_text();

}  // namespace moeperf
