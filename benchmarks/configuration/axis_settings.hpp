#pragma once

#include "benchmarks/configuration/config.hpp"
#include "benchmarks/configuration/table_reader.hpp"

#include <map>
#include <string>
#include <vector>

namespace moeperf {

/// What the table [run] wants on each axis that has a key there, a value or a list; what the axis has unsaid where it
/// says nothing.
std::map<std::string, std::vector<std::string>> read_axis_settings(TableReader& reader, const ConfigSource& source);

/// The same back.
void insert_axis_settings(toml::table& run, const RunSettings& settings);

}  // namespace moeperf
