#pragma once

#include "benchmarks/configuration/config.hpp"
#include "comm/mpi/communicator.hpp"
#include "results/report.hpp"

#include <cstddef>
#include <vector>

namespace moeperf {

/// What is known of a run before its first case. Collective.
ReportHeader make_header(const std::vector<SuiteConfig>& configs, std::size_t num_cases, const Communicator& comm,
                         const Instruments& instruments);

}  // namespace moeperf
