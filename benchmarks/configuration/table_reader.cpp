#include "benchmarks/configuration/table_reader.hpp"

#include "benchmarks/configuration/config.hpp"

#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <sstream>

namespace moeperf {

std::string ConfigSource::place(const std::string& key, const toml::node* node) const {
  for (const auto& [given, option] : overridden) {
    const std::string name = option == set_option ? option + " " + given : option;
    if (key == given) return name;
    if (key.starts_with(given + ".")) return name + ": " + key;
  }
  if (node == nullptr || node->source().begin.line == 0) return path + ": " + key;
  return fmt::format("{}:{}: {}", path, node->source().begin.line, key);
}

void ConfigSource::fail(const std::string& key, const toml::node* node, const std::string& message) const {
  throw UserError(fmt::format("{}: {}", place(key, node), message));
}

std::string TableReader::shown(const toml::node& node) {
  std::ostringstream text;
  if (node.is_table()) return "a table";
  if (const auto* array = node.as_array()) {
    text << *array;
  } else {
    node.visit([&](const auto& value) {
      if constexpr (toml::is_value<decltype(value)>) text << value;
    });
    if (node.is_string()) return text.str();
  }
  return text.str();
}

const toml::node* TableReader::find(const std::string& key) {
  known_.insert(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

std::int64_t TableReader::integer(const std::string& key, std::int64_t fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<std::int64_t>();
  if (!value) source_.fail(full(key), node, fmt::format("{} given; accepted: an integer", shown(*node)));
  return *value;
}

std::int32_t TableReader::integer32(const std::string& key, std::int32_t fallback) {
  const std::int64_t value = integer(key, fallback);
  if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max()) {
    source_.fail(full(key), find(key), fmt::format("{} given; accepted: an integer of 32 bits", value));
  }
  return static_cast<std::int32_t>(value);
}

double TableReader::real(const std::string& key, double fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  const auto value = node->is_number() ? node->value<double>() : std::nullopt;
  if (!value || !std::isfinite(*value)) {
    source_.fail(full(key), node, fmt::format("{} given; accepted: a finite number", shown(*node)));
  }
  return *value;
}

bool TableReader::boolean(const std::string& key, bool fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<bool>();
  if (!value) source_.fail(full(key), node, fmt::format("{} given; accepted: true | false", shown(*node)));
  return *value;
}

std::string TableReader::text(const std::string& key, const std::string& fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<std::string>();
  if (!value) source_.fail(full(key), node, fmt::format("{} given; accepted: a string", shown(*node)));
  return *value;
}

std::string TableReader::text_or_integer(const std::string& key, const std::string& fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  if (const auto number = node->value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto text = node->value_exact<std::string>()) return *text;
  source_.fail(full(key), node, fmt::format("{} given; accepted: an integer or a string", shown(*node)));
}

std::vector<std::string> TableReader::texts(const std::string& key, const std::vector<std::string>& fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  if (const auto one = node->value_exact<std::string>()) return {*one};
  std::vector<std::string> values;
  if (const auto* array = node->as_array()) {
    for (const auto& element : *array) {
      if (const auto value = element.value_exact<std::string>()) values.push_back(*value);
    }
    if (values.size() == array->size() && !values.empty()) return values;
  }
  source_.fail(full(key), node, fmt::format("{} given; accepted: a string or an array of strings", shown(*node)));
}

std::vector<std::int64_t> TableReader::integers(const std::string& key, const std::vector<std::int64_t>& fallback) {
  const toml::node* node = find(key);
  if (node == nullptr) return fallback;
  if (const auto one = node->value_exact<std::int64_t>()) return {*one};
  std::vector<std::int64_t> values;
  if (const auto* array = node->as_array()) {
    for (const auto& element : *array) {
      if (const auto value = element.value_exact<std::int64_t>()) values.push_back(*value);
    }
    if (values.size() == array->size() && !values.empty()) return values;
  }
  source_.fail(full(key), node, fmt::format("{} given; accepted: an integer or an array of integers", shown(*node)));
}

TableReader TableReader::table(const std::string& key) {
  const toml::node* node = find(key);
  if (node != nullptr && !node->is_table()) {
    source_.fail(full(key), node, fmt::format("{} given; accepted: a table", shown(*node)));
  }
  return TableReader(source_, node == nullptr ? nullptr : node->as_table(), full(key));
}

std::vector<std::string> TableReader::keys() const {
  std::vector<std::string> names;
  if (table_ == nullptr) return names;
  for (const auto& [key, value] : *table_) names.emplace_back(key.str());
  return names;
}

void TableReader::require(const std::string& key, const std::string& what) const {
  if (!has(key)) source_.fail(full(key), table_, "missing; accepted: " + what);
}

void TableReader::reject_unknown() const {
  if (table_ == nullptr) return;
  for (const auto& [key, value] : *table_) {
    const std::string given(key.str());
    if (known_.contains(given)) continue;
    source_.fail(full(given), &value, fmt::format("unknown key; accepted here: {}", fmt::join(known_, ", ")));
  }
}

}  // namespace moeperf
