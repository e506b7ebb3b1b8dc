#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moeperf {

struct RatioOfMedians;

/// Widest line of the reports on the terminal, where the words allow.
constexpr std::size_t line_width = 110;

/// Characters, not bytes: a byte of the form 10xxxxxx continues one.
std::size_t width(const std::string& text);

/// A number in about `digits` significant digits without an exponent where that is readable: 12345, 12.35, 0.01234.
std::string short_number(double value, int digits = 4);

/// Text on one line: line breaks and other control characters become blanks.
std::string one_line(std::string_view text);

/// Items separated by `separator`, broken into lines no longer than line_width that all start with `prefix`. An item
/// longer than a line is broken at its blanks.
std::string wrapped(const std::string& prefix, const std::vector<std::string>& items, const std::string& separator);

/// A text broken at its blanks, with `first` before its first line and `prefix` before the others.
std::string hanging(const std::string& first, const std::string& prefix, const std::string& text);

/// "0.812 [0.805,0.820]": a ratio with its interval, or "0.812 [?]" where the samples allow none.
std::string interval_text(const RatioOfMedians& ratio);

}  // namespace moeperf
