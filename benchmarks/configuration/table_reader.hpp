#pragma once

#include "kernels/base/error.hpp"

#include <toml++/toml.h>

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace moeperf {

/// A TOML document with the places its values came from, for error messages.
struct ConfigSource {
  std::string path;
  std::map<std::string, std::string> overridden;  ///< dotted keys given on the command line, and by which option

  /// What the user has to look at, and the key where that does not say it: "file.toml:12: model.top_k",
  /// "--set model.top_k", "--wire".
  std::string place(const std::string& key, const toml::node* node) const;
  [[noreturn]] void fail(const std::string& key, const toml::node* node, const std::string& message) const;
};

/// Reads one table strictly: typed keys with defaults, and an error for every key that was not asked for.
class TableReader {
 public:
  TableReader(const ConfigSource& source, const toml::table* table, std::string prefix)
      : source_(source), table_(table), prefix_(std::move(prefix)) {}

  bool has(const std::string& key) const { return table_ != nullptr && table_->contains(key); }

  std::int64_t integer(const std::string& key, std::int64_t fallback);
  std::int32_t integer32(const std::string& key, std::int32_t fallback);
  double real(const std::string& key, double fallback);
  bool boolean(const std::string& key, bool fallback);
  std::string text(const std::string& key, const std::string& fallback);
  /// A string, or an integer as one.
  std::string text_or_integer(const std::string& key, const std::string& fallback);
  /// A string or an array of strings.
  std::vector<std::string> texts(const std::string& key, const std::vector<std::string>& fallback);
  /// An integer or an array of integers.
  std::vector<std::int64_t> integers(const std::string& key, const std::vector<std::int64_t>& fallback);
  /// A string that `parse` understands; `accepted` lists the choices.
  template <class Value, class Parse>
  Value choice(const std::string& key, Value fallback, Parse parse, const std::string& accepted) {
    const toml::node* node = find(key);
    if (node == nullptr) return fallback;
    const auto given = node->value_exact<std::string>();
    const auto value = given ? parse(*given) : std::nullopt;
    if (!value) source_.fail(full(key), node, fmt::format("{} given; accepted: {}", shown(*node), accepted));
    return *value;
  }
  /// A sub-table (empty when absent).
  TableReader table(const std::string& key);
  /// Names of the sub-tables and keys present, in order of the file's sort.
  std::vector<std::string> keys() const;

  /// A key that must be there.
  void require(const std::string& key, const std::string& what) const;
  /// Call last: fails on the first key that nobody asked for, listing the known ones.
  void reject_unknown() const;

 private:
  const toml::node* find(const std::string& key);
  std::string full(const std::string& key) const { return prefix_.empty() ? key : prefix_ + "." + key; }
  static std::string shown(const toml::node& node);

  const ConfigSource& source_;
  const toml::table* table_;
  std::string prefix_;
  std::set<std::string> known_;
};

}  // namespace moeperf
