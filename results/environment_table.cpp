#include "results/environment_table.hpp"

#include <algorithm>
#include <cstdlib>

namespace moeperf {
namespace {

/// Only digits and a point: what strtod takes beside them (signs, "inf", hexadecimal) is no fact about a node.
std::optional<double> number(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string::npos) return std::nullopt;
  return std::strtod(text.c_str(), nullptr);
}

}  // namespace

std::vector<std::string> column_of(const Table& table, const std::string& name) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const auto& column) { return column.first == name; });
  return found == table.end() ? std::vector<std::string>{} : found->second;
}

std::optional<NumberRange> number_range(const std::string& text) {
  const std::size_t dash = text.find('-');
  const auto low = number(text.substr(0, dash));
  const auto high = dash == std::string::npos ? low : number(text.substr(dash + 1));
  if (!low || !high) return std::nullopt;
  return NumberRange{*low, *high};
}

}  // namespace moeperf
