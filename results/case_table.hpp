#pragma once

#include "results/report.hpp"
#include "results/titled_table.hpp"

namespace moeperf {

/// A row for each timed part of a case; no rows where it was skipped.
TitledTable case_table(const CaseResult& result);

}  // namespace moeperf
