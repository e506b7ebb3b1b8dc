#pragma once

#include "results/report.hpp"

#include <string>

namespace moeperf {

/// The same hosts with as many ranks on as many nodes: elsewhere baselines may differ by right.
bool is_same_machine(const ReportHeader& base, const ReportHeader& fresh);

/// How often, in order of their starts, a launch of one report follows one of the other.
std::int64_t num_alternations(const Report& base, const Report& fresh);

/// Fewer say nothing: what a machine does for a while then looks like what is compared.
constexpr std::int64_t enough_alternations = 3;

}  // namespace moeperf
