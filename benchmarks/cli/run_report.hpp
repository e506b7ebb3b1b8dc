#pragma once

#include "benchmarks/configuration/config.hpp"
#include "comm/mpi/communicator.hpp"
#include "results/report.hpp"
#include "results/writer.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moeperf {

/// What is known of a run before its first case. Collective.
ReportHeader make_header(const std::vector<SuiteConfig>& configs, std::size_t num_cases, const Communicator& comm,
                         const Instruments& instruments);

/// A writer under the name that was given, or else under that of host and time: where another run took that in the same
/// second, the next with a number. Returns the name.
std::string open_report(std::optional<ReportWriter>& writer, const std::string& name, bool force,
                        const ReportHeader& header, std::int64_t expected_bytes);

}  // namespace moeperf
