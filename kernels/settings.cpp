#include "kernels/settings.hpp"

#include "kernels/base/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace moeperf {
namespace {

/// "an integer of at least 1", "a finite number, 0 or more", "above 0, up to 1", "1 to 8".
std::string words_of(const Range& range, const char* any) {
  const bool bounded_below = std::isfinite(range.least), bounded_above = std::isfinite(range.most);
  if (!bounded_below && !bounded_above) return any;
  if (!bounded_above) {
    if (range.least_excluded) return fmt::format("{} above {}", any, range.least);
    if (range.least == 0) return fmt::format("{}, 0 or more", any);
    return fmt::format("{} of at least {}", any, range.least);
  }
  if (!bounded_below) return fmt::format("{} {} {}", any, range.most_excluded ? "below" : "of at most", range.most);
  if (range.least_excluded && range.most_excluded) return fmt::format("between {} and {}", range.least, range.most);
  if (range.least_excluded) return fmt::format("above {}, up to {}", range.least, range.most);
  if (range.most_excluded) return fmt::format("{} or more, below {}", range.least, range.most);
  return fmt::format("{} to {}", range.least, range.most);
}

template <class T>
Setting number_setting(std::string name, std::string help, T fallback, Range range, std::string accepted,
                       const char* any) {
  return {.name = std::move(name),
          .help = std::move(help),
          .fallback = fallback,
          .accepted = accepted.empty() ? words_of(range, any) : std::move(accepted),
          .accepts = [range](const SettingValue& value) {
            const auto number = static_cast<double>(std::get<T>(value));
            return std::isfinite(number) && range.has(number);
          }};
}

/// The value in the setting's own type, or nothing.
std::optional<SettingValue> converted(const Setting& setting, const SettingValue& value) {
  if (value.index() == setting.fallback.index()) return value;
  if (std::holds_alternative<double>(setting.fallback) && std::holds_alternative<std::int64_t>(value)) {
    return static_cast<double>(std::get<std::int64_t>(value));
  }
  return std::nullopt;
}

template <class T>
std::optional<SettingValue> number_in(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool Range::has(double value) const {
  return (least_excluded ? value > least : value >= least) && (most_excluded ? value < most : value <= most);
}

Setting integer_setting(std::string name, std::string help, std::int64_t fallback, Range range, std::string accepted) {
  return number_setting(std::move(name), std::move(help), fallback, range, std::move(accepted), "an integer");
}

Setting real_setting(std::string name, std::string help, double fallback, Range range, std::string accepted) {
  return number_setting(std::move(name), std::move(help), fallback, range, std::move(accepted), "a finite number");
}

Setting flag_setting(std::string name, std::string help, bool fallback) {
  return {.name = std::move(name),
          .help = std::move(help),
          .fallback = fallback,
          .accepted = "true | false",
          .accepts = [](const SettingValue&) { return true; }};
}

Setting text_setting(std::string name, std::string help, std::string fallback) {
  return {.name = std::move(name),
          .help = std::move(help),
          .fallback = std::move(fallback),
          .accepted = "a string",
          .accepts = [](const SettingValue&) { return true; }};
}

Setting choice_setting(std::string name, std::string help, std::string fallback, std::vector<std::string> choices) {
  return {.name = std::move(name),
          .help = std::move(help),
          .fallback = std::move(fallback),
          .accepted = fmt::format("{}", fmt::join(choices, " | ")),
          .accepts =
              [choices](const SettingValue& value) {
                return std::find(choices.begin(), choices.end(), std::get<std::string>(value)) != choices.end();
              },
          .choices = choices};
}

std::optional<std::string> why_not_accepted(const Setting& setting, const SettingValue& value) {
  const std::optional<SettingValue> own = converted(setting, value);
  if (own && setting.accepts(*own)) return std::nullopt;
  const auto* text = std::get_if<std::string>(&value);
  const std::string given =
      text != nullptr ? "'" + *text + "'" : std::visit([](const auto& v) { return fmt::format("{}", v); }, value);
  return fmt::format("{} given; accepted: {}", given, setting.accepted);
}

std::optional<SettingValue> parse_setting(const Setting& setting, const std::string& text) {
  if (std::holds_alternative<std::int64_t>(setting.fallback)) return number_in<std::int64_t>(text);
  if (std::holds_alternative<double>(setting.fallback)) return number_in<double>(text);
  if (std::holds_alternative<std::string>(setting.fallback)) return text;
  if (text == "true" || text == "false") return text == "true";
  return std::nullopt;
}

Settings::Settings(const std::vector<Setting>& described, const GivenValues& given) {
  for (const Setting& setting : described) {
    const auto found = given.find(setting.name);
    const SettingValue& value = found == given.end() ? setting.fallback : found->second;
    if (const auto reason = why_not_accepted(setting, value)) throw Error(setting.name + ": " + *reason);
    all_.emplace_back(setting, *converted(setting, value));
  }
  for (const auto& [name, value] : given) at(name);
}

const std::pair<Setting, SettingValue>& Settings::at(std::string_view name) const {
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const auto& entry) { return entry.first.name == name; });
  if (found == all_.end()) throw Error(fmt::format("there is no setting '{}'", name));
  return *found;
}

template <class T>
const T& Settings::get(std::string_view name) const {
  const T* value = std::get_if<T>(&at(name).second);
  if (value == nullptr) throw Error(fmt::format("setting '{}' is of another type", name));
  return *value;
}

template const bool& Settings::get<bool>(std::string_view) const;
template const std::int64_t& Settings::get<std::int64_t>(std::string_view) const;
template const double& Settings::get<double>(std::string_view) const;
template const std::string& Settings::get<std::string>(std::string_view) const;

std::size_t Settings::place_of_choice(std::string_view name) const {
  const auto& [setting, value] = at(name);
  const auto chosen = std::find(setting.choices.begin(), setting.choices.end(), std::get<std::string>(value));
  if (chosen == setting.choices.end()) throw Error(fmt::format("setting '{}' is no choice of several", name));
  return static_cast<std::size_t>(chosen - setting.choices.begin());
}

}  // namespace moeperf
