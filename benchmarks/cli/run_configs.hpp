#pragma once

#include "benchmarks/cli/run.hpp"
#include "benchmarks/configuration/config.hpp"
#include "comm/mpi/communicator.hpp"

#include <vector>

namespace moeperf {

/// The workloads that the options name, as their files and the options say: one configuration each, none swept yet.
/// Collective; throws UserError on every rank.
std::vector<SuiteConfig> load_configs(const RunOptions& options, const Communicator& comm);

}  // namespace moeperf
