#pragma once

#include "results/report.hpp"
#include "results/titled_table.hpp"

namespace moeperf {

/// The whole layer under each scheme, beside `none` and `ideal` of the same setting, with the figures of merit
/// `layer_tokens_per_s[CASE]`, each CASE once; no rows where no case measured it.
TitledTable layer_table(const Report& report);

}  // namespace moeperf
