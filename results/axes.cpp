#include "results/axes.hpp"

#include <algorithm>

namespace moeperf {

const std::string& value_of(const ReportAxis& axis, const Coordinates& coordinates) {
  const auto found = coordinates.find(axis.name);
  return found == coordinates.end() || found->second.empty() ? axis.usual : found->second;
}

bool is_usual(const ReportAxis& axis, const Coordinates& coordinates) {
  const std::string& value = value_of(axis, coordinates);
  if (value == "-" || value == axis.usual) return true;
  const auto other = coordinates.find(axis.usual_as);
  return other != coordinates.end() && value == other->second;
}

std::string filled(const std::string& pattern, const std::string& value) {
  const std::size_t place = pattern.find("{}");
  if (place == std::string::npos) return pattern;
  return pattern.substr(0, place) + value + pattern.substr(place + 2);
}

ReportAxes joined(const ReportAxes& first, const ReportAxes& second) {
  ReportAxes all = second;
  for (const ReportAxis& axis : first) {
    const bool is_known =
        std::any_of(second.begin(), second.end(), [&](const ReportAxis& other) { return other.name == axis.name; });
    if (!is_known) all.push_back(axis);
  }
  return all;
}

}  // namespace moeperf
