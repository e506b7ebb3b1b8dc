#pragma once

#include "results/model.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// "# Layer: …": the whole layer under each scheme, beside `none` and `ideal` of the same setting; empty where no case
/// measured it.
std::string layer_text(const std::vector<CaseResult>& cases);

/// The figures of merit, one `layer_tokens_per_s[CASE] = VALUE tokens/s` a line, each CASE once.
std::string figures_of_merit(const std::vector<CaseResult>& cases);

}  // namespace moeperf
