#pragma once

#include "benchmarks/cli/run.hpp"
#include "benchmarks/configuration/config.hpp"

#include <vector>

namespace moeperf {

/// The command line's options as overrides of the file's keys: one mechanism, one set of checks.
std::vector<Override> overrides_of(const RunOptions& options);

}  // namespace moeperf
