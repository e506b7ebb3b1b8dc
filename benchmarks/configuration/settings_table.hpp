#pragma once

#include "benchmarks/configuration/table_reader.hpp"
#include "kernels/settings.hpp"

#include <string>
#include <vector>

namespace moeperf {

/// What a table gives of the settings described; other keys are an error. Ranges are first_violation()'s matter.
GivenValues read_settings(TableReader table, const std::vector<Setting>& described);

/// All settings with their values, in the order described.
toml::table settings_table(const Settings& settings);

/// The tables that schemes or patterns have in a table of their registry's, each under its name.
template <class Registry>
GivenSettings read_settings_tables(TableReader& reader, const Registry& registry) {
  GivenSettings given;
  for (const auto& entry : registry.entries()) {
    if (entry.traits.settings.empty()) continue;
    GivenValues values = read_settings(reader.table(entry.name), entry.traits.settings);
    if (!values.empty()) given[entry.name] = std::move(values);
  }
  return given;
}

/// Writes what read_settings_tables() reads, with every default; `settings_of` gives a name's settings.
template <class Registry, class SettingsOf>
void insert_settings_tables(toml::table& table, const Registry& registry, const SettingsOf& settings_of) {
  for (const auto& entry : registry.entries()) {
    if (!entry.traits.settings.empty()) table.insert(entry.name, settings_table(settings_of(entry.name)));
  }
}

}  // namespace moeperf
