#include "results/host_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

namespace moeperf {
namespace {

/// A name as "before", "number", "after": the last number of a host's name, that of its domain aside.
struct Parts {
  std::string before, number, after;
};

Parts parts_of(const std::string& name) {
  const auto is_digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  std::size_t end = std::min(name.find('.'), name.size());
  while (end > 0 && !is_digit(name[end - 1])) --end;
  std::size_t begin = end;
  constexpr std::size_t most_digits = 18;  // of an int64_t
  while (begin > 0 && end - begin < most_digits && is_digit(name[begin - 1])) --begin;
  if (begin == end) return {name, "", ""};
  return {name.substr(0, begin), name.substr(begin, end - begin), name.substr(end)};
}

/// Whether counting goes from one number to the other, leading zeros included.
bool follows(const std::string& number, const std::string& next) {
  return next == fmt::format("{:0{}}", std::stoll(number) + 1, number.size());
}

/// "001-003,007" of numbers in ascending order.
std::string ranges(const std::vector<std::string>& numbers) {
  std::string text;
  for (std::size_t first = 0; first < numbers.size();) {
    std::size_t last = first;
    while (last + 1 < numbers.size() && follows(numbers[last], numbers[last + 1])) ++last;
    text += (text.empty() ? "" : ",") + numbers[first] + (last > first ? "-" + numbers[last] : "");
    first = last + 1;
  }
  return text;
}

struct Group {
  Parts of;
  std::vector<std::string> numbers;
};

}  // namespace

std::vector<std::string> compressed(const std::vector<std::string>& names) {
  std::vector<Group> groups;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) continue;
    Parts parts = parts_of(name);
    const std::string number = parts.number;
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      return !number.empty() && !group.of.number.empty() && group.of.before == parts.before &&
             group.of.after == parts.after;
    });
    if (same == groups.end()) {
      groups.push_back({std::move(parts), {number}});
    } else {
      same->numbers.push_back(number);
    }
  }
  std::vector<std::string> items;
  for (Group& group : groups) {
    std::sort(group.numbers.begin(), group.numbers.end(), [](const std::string& a, const std::string& b) {
      return std::pair(a.empty() ? 0 : std::stoll(a), a.size()) < std::pair(b.empty() ? 0 : std::stoll(b), b.size());
    });
    const std::string numbers = ranges(group.numbers);
    items.push_back(group.of.before + (group.numbers.size() > 1 ? "[" + numbers + "]" : numbers) + group.of.after);
  }
  return items;
}

}  // namespace moeperf
