#pragma once

#include "results/report.hpp"

#include <string>

namespace moeperf {

/// Why a launch with this header, on other hosts or otherwise configured, say, is none of the report's; empty: it may
/// be. Known before anything is measured.
std::string why_another(const Report& report, const ReportHeader& launch);

/// Adds the launch of a report of one to a report of the same: its header, its samples to each case's. Throws UserError
/// that names the first case that is not the same in both (its tokens, routing, parts, work, or that it was skipped), and
/// leaves the report as it was.
void add_launch(Report& report, const Report& launch);

}  // namespace moeperf
