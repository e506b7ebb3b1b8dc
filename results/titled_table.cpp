#include "results/titled_table.hpp"

#include "results/text.hpp"

#include <fmt/format.h>

namespace moeperf {

Cell number_cell(const std::optional<double>& value, int digits) {
  return value ? Cell(*value, short_number(*value, digits)) : Cell("-");
}

Cell percent_cell(double part, double whole) {
  if (!(whole > 0)) return "-";
  return {100 * part / whole, fmt::format("{:.1f}", 100 * part / whole)};
}

}  // namespace moeperf
