#pragma once

#include "results/report.hpp"

#include <string>
#include <vector>

namespace moeperf {

// What a reader should know before believing or comparing the numbers, each as one sentence that names the place, says
// what was found, and where something can be done, what. Pure functions.

/// Of the machine, known before the first case: more threads than CPUs or than the quota, nodes that do something else
/// or run slower than the others.
std::vector<std::string> environment_findings(const ReportHeader& header);

/// All: those of the machine; a run that ended early; what was asked for and skipped; traffic that missed its target;
/// noisy cases and cases of too few samples; slow ranks and the nodes to leave out (find_stragglers).
std::vector<std::string> findings(const Report& report);

/// A case is noisy where the 95 % interval of a measured part's median is wider than this part of it to either side.
constexpr double noisy_above = 0.05;

}  // namespace moeperf
