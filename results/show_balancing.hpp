#pragma once

#include "results/model.hpp"

#include <string>

namespace moeperf {

/// "# Balancing: …": a row for each trajectory, with the coordinates of its case; empty where there is none.
std::string balancing_text(const Report& report);

}  // namespace moeperf
