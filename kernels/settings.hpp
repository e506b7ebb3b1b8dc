#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace moeperf {

using SettingValue = std::variant<bool, std::int64_t, double, std::string>;

/// One setting of a balancing scheme or a traffic pattern, described where that is. It is a key of the table
/// [balancing.SCHEME] or [traffic.PATTERN] of a workload file and, of a scheme, an option of `moeperf route`:
/// `bias_rate` is --bias-rate there, so no scheme has one that `route` has of its own, such as `score`. Names are
/// permanent: they are in files and reports.
struct Setting {
  std::string name;       ///< snake_case
  std::string help;       ///< one line
  SettingValue fallback;  ///< what it is where it is not given; says the type, too
  std::string accepted;   ///< in words, for messages
  std::function<bool(const SettingValue&)> accepts;
  std::vector<std::string> choices{};  ///< all texts that are accepted; empty: any
  bool counts_rows = false;            ///< so many rows of hidden states and of logits are kept in memory

  Setting&& counting_rows() && {
    counts_rows = true;
    return std::move(*this);
  }
};

/// The numbers from `least` to `most`, these two included unless said otherwise.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool least_excluded = false, most_excluded = false;

  bool has(double value) const;
};
constexpr Range at_least(double least) { return {.least = least}; }
/// Factors, steps and coefficients that make sense, and leave float32 room for what they are multiplied with.
constexpr Range factor_range{.least = 0, .most = 1e6};

/// `accepted` is for a range that its ends do not explain.
Setting integer_setting(std::string name, std::string help, std::int64_t fallback, Range range,
                        std::string accepted = "");
/// Finite numbers.
Setting real_setting(std::string name, std::string help, double fallback, Range range, std::string accepted = "");
Setting flag_setting(std::string name, std::string help, bool fallback);
Setting text_setting(std::string name, std::string help, std::string fallback);
/// Settings::choice gives the one that was chosen as an enumeration whose values are in the order of `choices`.
Setting choice_setting(std::string name, std::string help, std::string fallback, std::vector<std::string> choices);

/// Why a setting cannot have a value, as "… given; accepted: …"; nothing when it can. An integer will do for a real.
std::optional<std::string> why_not_accepted(const Setting& setting, const SettingValue& value);

/// A value as the command line gives it. Nothing where the text is none of the setting's type.
std::optional<SettingValue> parse_setting(const Setting& setting, const std::string& text);

/// Values that were given, by the setting's name.
using GivenValues = std::map<std::string, SettingValue>;
/// The same of several schemes or patterns, by their names.
using GivenSettings = std::map<std::string, GivenValues>;

/// All settings of one scheme or pattern: what was given, else the default.
class Settings {
 public:
  Settings() = default;
  /// Throws Error for a value that is given for none of them, or that why_not_accepted() objects to.
  Settings(const std::vector<Setting>& described, const GivenValues& given);

  // Throw Error where there is none of that name and type.
  bool flag(std::string_view name) const { return get<bool>(name); }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
  double real(std::string_view name) const { return get<double>(name); }
  const std::string& text(std::string_view name) const { return get<std::string>(name); }
  template <class Enum>
  Enum choice(std::string_view name) const {
    return static_cast<Enum>(place_of_choice(name));
  }

  /// In the order described.
  const std::vector<std::pair<Setting, SettingValue>>& all() const& { return all_; }
  const std::vector<std::pair<Setting, SettingValue>>& all() && = delete;  // would dangle

 private:
  const std::pair<Setting, SettingValue>& at(std::string_view name) const;
  template <class T>
  const T& get(std::string_view name) const;
  std::size_t place_of_choice(std::string_view name) const;

  std::vector<std::pair<Setting, SettingValue>> all_;
};

}  // namespace moeperf
