#pragma once

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

namespace moeperf {

/// Takes whole numbers of decimal digits from `least` on that 64 bits can hold. Without it CLI11 cuts larger ones to
/// what fits, says nothing, and does not tell what is accepted instead of a word.
inline CLI::Validator whole_number(std::int64_t least) {
  const auto check = [least](const std::string& text) -> std::string {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size() && value >= least) return {};
    return fmt::format("'{}' given; accepted: a whole number from {} to {}", text, least,
                       std::numeric_limits<std::int64_t>::max());
  };
  CLI::Validator validator("");
  validator.operation(std::function<std::string(std::string&)>([check](std::string& text) { return check(text); }));
  return validator;
}

}  // namespace moeperf
