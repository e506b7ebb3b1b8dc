#include "benchmarks/configuration/settings_table.hpp"

namespace moeperf {
namespace {

SettingValue read_value(TableReader& table, const Setting& setting) {
  const std::string& key = setting.name;
  if (const bool* flag = std::get_if<bool>(&setting.fallback)) return table.boolean(key, *flag);
  if (const std::int64_t* integer = std::get_if<std::int64_t>(&setting.fallback)) return table.integer(key, *integer);
  if (const double* real = std::get_if<double>(&setting.fallback)) return table.real(key, *real);
  const std::string& text = std::get<std::string>(setting.fallback);
  if (setting.choices.empty()) return table.text(key, text);
  const auto accepted = [&](const std::string& given) -> std::optional<std::string> {
    return setting.accepts(given) ? std::optional(given) : std::nullopt;
  };
  return table.choice(key, text, accepted, setting.accepted);
}

}  // namespace

GivenValues read_settings(TableReader table, const std::vector<Setting>& described) {
  GivenValues given;
  for (const Setting& setting : described) {
    const SettingValue value = read_value(table, setting);
    if (table.has(setting.name)) given[setting.name] = value;
  }
  table.reject_unknown();
  return given;
}

toml::table settings_table(const Settings& settings) {
  toml::table table;
  for (const auto& [setting, value] : settings.all()) {
    std::visit([&, key = setting.name](const auto& v) { table.insert(key, v); }, value);
  }
  return table;
}

}  // namespace moeperf
