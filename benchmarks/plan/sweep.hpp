#pragma once

#include "benchmarks/configuration/config.hpp"
#include "comm/mpi/communicator.hpp"

#include <cstdint>
#include <vector>

namespace moeperf {

/// Tokens per rank at each point of a sweep: begin, begin·factor, begin·factor², … up to end, rounded to whole tokens
/// and each once. Sizes in bytes are logical bytes per rank, K copies of a row for each token, rounded up to whole
/// tokens. Empty where no size is swept. Throws UserError for more than max_sweep_points.
std::vector<std::int64_t> sweep_tokens(const SweepSettings& sweep, const ModelShape& model);
constexpr std::size_t max_sweep_points = 1000;

/// One configuration for each value on the axes that make configurations, such as the traffic's, and for each size of
/// each configuration's sweep, sizes innermost; phases hold what the ranks really get, and recordings that a
/// pattern replays are read. Collective; throws UserError on every rank for unknown patterns, and for settings or files
/// that do not fit one.
std::vector<SuiteConfig> expand_sweeps(const std::vector<SuiteConfig>& configs, Communicator& comm);

}  // namespace moeperf
