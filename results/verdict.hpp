#pragma once

#include "results/report.hpp"

#include <string>

namespace moeperf {

/// "VALID", or "INVALID: reason; reason": a run that ended early, cases that are missing, wrong or not verified,
/// nothing measured at all. A function of the report alone; its stored status is looked at only to see whether the run
/// ended.
std::string verdict(const Report& report);

bool is_valid(const std::string& status);

/// "24 of 52 cases", or "52 cases" where all that were planned are there.
std::string cases_text(const Report& report);

}  // namespace moeperf
