#include "harness/control_group.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace moeperf {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// A number alone in a file. Nothing for "max", for -1, and for the 2^63 less a page that version 1 has for no limit.
std::optional<std::int64_t> number_in(const fs::path& file) {
  constexpr std::int64_t unlimited = std::int64_t{1} << 62;
  std::istringstream text(text_of(file));
  std::int64_t number = 0;
  if (!(text >> number) || number < 0 || number >= unlimited) return std::nullopt;
  return number;
}

/// The number after a key in lines of "key number".
std::int64_t number_of(const std::string& key, const fs::path& file) {
  std::istringstream text(text_of(file));
  std::string name;
  for (std::int64_t number = 0; text >> name >> number;) {
    if (name == key) return number;
  }
  return 0;
}

bool has_word(const std::string& list, const std::string& word) {
  std::istringstream words(list);
  for (std::string one; std::getline(words, one, ',');) {
    if (one == word) return true;
  }
  return false;
}

/// Blanks and backslashes stand as \ooo in mountinfo.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// Where a hierarchy is mounted, and which of its groups is seen there.
struct Mount {
  fs::path folder, group;
};

/// Of version 2, or of version 1 with that controller.
std::optional<Mount> find_mount(const fs::path& root, const std::string& controller) {
  std::istringstream mounts(text_of(root / "proc/self/mountinfo"));
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, group, folder, field, type, source, options;
    fields >> id >> parent >> device >> group >> folder;
    while (fields >> field && field != "-") continue;
    fields >> type >> source >> options;
    const bool wanted = controller.empty() ? type == "cgroup2" : type == "cgroup" && has_word(options, controller);
    if (wanted) return Mount{unescaped(folder), unescaped(group)};
  }
  return std::nullopt;
}

/// The process's group in the hierarchy of version 2, or in that of version 1 with that controller.
std::string find_group(const fs::path& root, const std::string& controller) {
  std::istringstream groups(text_of(root / "proc/self/cgroup"));
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool wanted = controller.empty() ? line.starts_with("0::") : has_word(controllers, controller);
    if (wanted) return line.substr(second + 1);
  }
  return "";
}

/// Folders of the process's group and of all above it that can be seen here.
void append_levels(const fs::path& root, const std::string& controller, std::vector<fs::path>& levels) {
  const auto mount = find_mount(root, controller);
  const fs::path group = find_group(root, controller);
  if (!mount || group.empty()) return;
  // In a container the group may be named as it is outside, and what is mounted be that very group.
  fs::path below = group.lexically_relative(mount->group);
  if (below.empty() || *below.begin() == "..") below = ".";
  const fs::path top = root / mount->folder.relative_path();
  for (below = below.lexically_normal(); !below.empty() && below != "."; below = below.parent_path()) {
    levels.push_back(top / below);
  }
  levels.push_back(top);
}

std::optional<std::int64_t> limit_at(const fs::path& level) {
  std::optional<std::int64_t> least;
  for (const char* file : {"memory.max", "memory.high", "memory.limit_in_bytes"}) {
    const auto limit = number_in(level / file);
    if (limit && (!least || *limit < *least)) least = limit;
  }
  return least;
}

std::int64_t used_at(const fs::path& level) {
  const auto current = number_in(level / "memory.current");
  const std::int64_t used = current ? *current : number_in(level / "memory.usage_in_bytes").value_or(0);
  const fs::path statistics = level / "memory.stat";
  return used - number_of(current ? "inactive_file" : "total_inactive_file", statistics);
}

std::optional<double> quota_at(const fs::path& level) {
  double quota = 0, period = 0;
  std::istringstream both(text_of(level / "cpu.max"));  // "max 100000" or "150000 100000"
  if (both >> quota >> period && period > 0) return quota / period;
  const auto quota_us = number_in(level / "cpu.cfs_quota_us"), period_us = number_in(level / "cpu.cfs_period_us");
  if (!quota_us || !period_us || *period_us == 0) return std::nullopt;
  return static_cast<double>(*quota_us) / static_cast<double>(*period_us);
}

/// The least of what `at` says of some levels.
template <class At>
auto least_of(const std::vector<fs::path>& levels, At at) {
  decltype(at(levels.front())) least;
  for (const fs::path& level : levels) {
    const auto value = at(level);
    if (value && (!least || *value < *least)) least = value;
  }
  return least;
}

}  // namespace

ControlGroups::ControlGroups(fs::path root) : root_(std::move(root)) {
  for (const std::string controller : {"", "memory"}) append_levels(root_, controller, memory_);
  for (const std::string controller : {"", "cpu"}) append_levels(root_, controller, cpu_);
}

std::optional<std::int64_t> ControlGroups::memory_limit_bytes() const { return least_of(memory_, limit_at); }

std::optional<std::int64_t> ControlGroups::memory_left_bytes() const {
  return least_of(memory_, [](const fs::path& level) {
    auto left = limit_at(level);
    if (left) *left = std::max<std::int64_t>(0, *left - used_at(level));
    return left;
  });
}

std::optional<double> ControlGroups::cpu_quota() const { return least_of(cpu_, quota_at); }

}  // namespace moeperf
