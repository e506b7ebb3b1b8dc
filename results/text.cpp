#include "results/text.hpp"

#include "results/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moeperf {

std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](unsigned char c) { return (c & 0xC0U) != 0x80U; }));
}

std::string short_number(double value, int digits) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  if (value == 0) return "0";
  const double magnitude = std::floor(std::log10(std::abs(value)));
  if (magnitude > 9 || magnitude < -4) return fmt::format("{:.{}e}", value, digits - 1);
  return fmt::format("{:.{}f}", value, std::max(0, digits - 1 - static_cast<int>(magnitude)));
}

std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string wrapped(const std::string& prefix, const std::vector<std::string>& items, const std::string& separator) {
  std::string text, current = prefix;
  const auto append = [&](const std::string& piece) {
    if (current.size() > prefix.size() && width(current) + width(piece) > line_width) {
      text += current.substr(0, current.find_last_not_of(' ') + 1) + '\n';
      current = prefix;
    }
    current += piece;
  };
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string item = i + 1 < items.size() ? items[i] + separator : items[i];
    if (width(prefix) + width(item) <= line_width) {
      append(item);
      continue;
    }
    for (std::size_t begin = 0; begin < item.size();) {
      const std::size_t blank = item.find(' ', begin);
      const std::size_t end = blank == std::string::npos ? item.size() : blank + 1;
      append(item.substr(begin, end - begin));
      begin = end;
    }
  }
  return text + current.substr(0, current.find_last_not_of(' ') + 1) + '\n';
}

std::string hanging(const std::string& first, const std::string& prefix, const std::string& text) {
  std::string lines, current = first;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t blank = text.find(' ', begin);
    const std::size_t end = blank == std::string::npos ? text.size() : blank + 1;
    const std::string word = text.substr(begin, end - begin);
    if (current != first && current != prefix && width(current) + width(word) > line_width) {
      lines += current.substr(0, current.find_last_not_of(' ') + 1) + '\n';
      current = prefix;
    }
    current += word;
    begin = end;
  }
  return lines + current.substr(0, current.find_last_not_of(' ') + 1) + '\n';
}

std::string interval_text(const RatioOfMedians& ratio) {
  if (!ratio.reached) return fmt::format("{:.3f} [?]", ratio.ratio);
  return fmt::format("{:.3f} [{:.3f},{:.3f}]", ratio.ratio, ratio.low, ratio.high);
}

}  // namespace moeperf
