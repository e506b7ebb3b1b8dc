#pragma once

#include "results/report.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moeperf {

// The environment's tables hold texts; these read them.

/// A column's values, one per row; empty where the table has no such column.
std::vector<std::string> column_of(const Table& table, const std::string& name);

struct NumberRange {
  double low = 0, high = 0;
};
/// Of "0.25" or "2450-3600"; nothing for other texts, such as "unknown".
std::optional<NumberRange> number_range(const std::string& text);

}  // namespace moeperf
