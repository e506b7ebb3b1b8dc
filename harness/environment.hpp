#pragma once

#include "comm/mpi/communicator.hpp"
#include "harness/instruments.hpp"
#include "results/report.hpp"

#include <optional>
#include <string>

namespace moeperf {

/// Records what could matter to a repetition of the run: versions, hosts, CPU, memory, kernel, binding,
/// clocks, environment variables, job. Collective; complete on rank 0 only.
Environment capture_environment(const Communicator& comm, const Instruments& instruments);

/// Whether so many threads are more than a node's logical CPUs, or than its quota of their time.
bool oversubscribes(int threads, int cpus, std::optional<double> quota);

/// UTC, ISO 8601 to the second: "2031-01-31T23:59:59Z".
std::string utc_time();
/// Like utc_time() but fit for a file name: "20310131T235959Z".
std::string utc_time_compact();

/// Program version, with the git commit it was built from.
std::string version_text();

}  // namespace moeperf
