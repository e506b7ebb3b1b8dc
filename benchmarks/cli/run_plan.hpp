#pragma once

#include "benchmarks/configuration/config.hpp"
#include "benchmarks/plan/plan.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/backends.hpp"

#include <ostream>
#include <string>
#include <vector>

namespace moeperf {

/// What the workloads need of a rank's memory, a comment line each. Those that it cannot hold are a UserError, before
/// anything is allocated. Collective.
std::string check_memory(const std::vector<SuiteConfig>& configs, const Communicator& comm, Backends& backends);

/// What a dry run says: `memory`, every case with the reason why it would be skipped, and the time that it may take.
void print_plan(std::ostream& out, const std::vector<PlannedCase>& plan, const std::vector<SuiteConfig>& configs,
                const std::string& memory, const Communicator& comm);

}  // namespace moeperf
