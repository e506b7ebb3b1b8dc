#include "benchmarks/configuration/axis_settings.hpp"

#include "benchmarks/configuration/axis.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace moeperf {
namespace {

std::vector<std::string> read_wanted(TableReader& reader, const Axis& axis, const ConfigSource& source) {
  const std::string key = "run." + axis.key;
  std::vector<std::string> wanted;
  if (axis.is_number()) {
    for (const std::int64_t number : reader.integers(axis.key, {})) {
      if (number < 1 || number > axis.most) {
        source.fail(key, nullptr, fmt::format("{} given; accepted: 1 to {}", number, axis.most));
      }
      wanted.push_back(std::to_string(number));
    }
  } else {
    wanted = reader.texts(axis.key, {});
  }
  for (const std::string& text : wanted) {
    const bool is_choice = std::find(axis.choices.begin(), axis.choices.end(), text) != axis.choices.end();
    if (axis.choices.empty() || is_choice) continue;
    source.fail(key, nullptr, fmt::format("'{}' given; accepted: {}", text, fmt::join(axis.choices, " | ")));
  }
  return wanted.empty() ? axis.unsaid : wanted;
}

toml::array array_of(const Axis& axis, const std::vector<std::string>& wanted) {
  toml::array values;
  for (const std::string& text : wanted) {
    if (axis.is_number()) {
      values.push_back(static_cast<std::int64_t>(std::stoll(text)));
    } else {
      values.push_back(text);
    }
  }
  return values;
}

}  // namespace

const std::vector<std::string>& RunSettings::wanted(const std::string& axis) const {
  const auto found = axes.find(axis);
  return found == axes.end() ? axis_named(axis).unsaid : found->second;
}

bool RunSettings::names(const std::string& axis, const std::string& value) const {
  const std::vector<std::string>& all = wanted(axis);
  return std::find(all.begin(), all.end(), value) != all.end();
}

std::map<std::string, std::vector<std::string>> read_axis_settings(TableReader& reader, const ConfigSource& source) {
  std::map<std::string, std::vector<std::string>> settings;
  for (const Axis& axis : all_axes()) {
    if (!axis.key.empty()) settings[axis.name()] = read_wanted(reader, axis, source);
  }
  return settings;
}

void insert_axis_settings(toml::table& run, const RunSettings& settings) {
  for (const Axis& axis : all_axes()) {
    if (axis.key.empty()) continue;
    const toml::array values = array_of(axis, settings.wanted(axis.name()));
    if (!values.empty()) run.insert(axis.key, values);
  }
}

}  // namespace moeperf
