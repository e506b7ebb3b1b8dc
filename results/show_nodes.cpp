#include "results/show_nodes.hpp"

#include "kernels/base/counted.hpp"
#include "results/environment_table.hpp"
#include "results/host_list.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace moeperf {
namespace {

constexpr std::size_t max_kinds = 6;
constexpr std::size_t max_host_items = 16;

/// What two nodes of one kind may differ in.
bool passes(const std::string& column) {
  static const std::set<std::string> names{"host", "load_average", "cpu_mhz", "ranks"};
  return names.count(column) != 0;
}

/// Sizes of memory differ by a little between nodes built alike: what firmware and kernel keep varies.
bool are_alike(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto left = number_range(a), right = number_range(b);
  return left && right && std::abs(left->low - right->low) <= 0.02 * std::max(left->low, right->low);
}

bool are_alike(const Table& nodes, std::size_t a, std::size_t b) {
  return std::all_of(nodes.begin(), nodes.end(), [&](const auto& column) {
    const auto& [name, values] = column;
    if (passes(name) || values[a] == values[b]) return true;
    return name.ends_with("_bytes") && are_alike(values[a], values[b]);
  });
}

using Kind = std::vector<std::size_t>;  ///< rows

std::vector<Kind> kinds_of(const Table& nodes) {
  std::vector<Kind> kinds;
  const std::size_t count = nodes.empty() ? 0 : nodes.front().second.size();
  for (std::size_t row = 0; row < count; ++row) {
    const auto same =
        std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return are_alike(nodes, kind.front(), row); });
    if (same == kinds.end()) {
      kinds.push_back({row});
    } else {
      same->push_back(row);
    }
  }
  return kinds;
}

/// The value that all have, or the smallest and the largest as they stand there: "0.01-3.12".
std::string range_text(const std::vector<std::string>& values) {
  const std::set<std::string> distinct(values.begin(), values.end());
  if (distinct.size() == 1) return *distinct.begin();
  std::string low, high;
  double least = HUGE_VAL, most = -HUGE_VAL;
  for (const std::string& value : distinct) {
    const auto range = number_range(value);
    if (!range) return fmt::format("{} different", distinct.size());
    const std::size_t dash = value.find('-');
    if (range->low < least) {
      least = range->low;
      low = value.substr(0, dash);
    }
    if (range->high > most) {
      most = range->high;
      high = dash == std::string::npos ? value : value.substr(dash + 1);
    }
  }
  return low + "-" + high;
}

std::string hosts_text(const std::vector<std::string>& hosts) {
  const std::vector<std::string> items = compressed(hosts);
  std::string text;
  for (std::size_t i = 0; i < std::min(items.size(), max_host_items); ++i) {
    text += (i == 0 ? "" : " ") + one_line(items[i]);
  }
  if (items.size() > max_host_items) text += fmt::format(" and {} more", items.size() - max_host_items);
  return text;
}

std::string kind_text(const Table& nodes, const Kind& kind) {
  std::vector<std::string> pairs, hosts;
  for (const auto& [name, values] : nodes) {
    std::vector<std::string> own;
    for (const std::size_t row : kind) own.push_back(values[row]);
    if (name == "host") {
      hosts = own;
    } else {
      pairs.push_back(fmt::format("{}={}", name, one_line(range_text(own))));
    }
  }
  const std::string count = counted(static_cast<std::int64_t>(kind.size()), "node");
  const std::string title = hosts.empty() ? count : count + ", " + hosts_text(hosts);
  return wrapped("# ", {title + ":"}, "") + wrapped("#   ", pairs, ", ");
}

}  // namespace

std::string nodes_text(const Table& nodes) {
  const std::vector<Kind> kinds = kinds_of(nodes);
  std::string text;
  for (std::size_t i = 0; i < std::min(kinds.size(), max_kinds); ++i) text += kind_text(nodes, kinds[i]);
  if (kinds.size() <= max_kinds) return text;
  std::size_t rest = 0;
  for (std::size_t i = max_kinds; i < kinds.size(); ++i) rest += kinds[i].size();
  return text + fmt::format("# {} of {} other kinds: see /launches/0/environment/nodes\n",
                            counted(static_cast<std::int64_t>(rest), "node"), kinds.size() - max_kinds);
}

}  // namespace moeperf
