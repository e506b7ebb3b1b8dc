#include "results/environment_table.hpp"
#include "results/findings.hpp"
#include "results/host_list.hpp"
#include "results/statistics.hpp"
#include "results/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>

namespace moeperf {
namespace {

/// Items that a finding names; of more it gives the number.
constexpr std::size_t max_named = 8;

std::string named(std::vector<std::string> items) {
  if (items.size() <= max_named) return fmt::format("{}", fmt::join(items, ", "));
  const std::size_t rest = items.size() - max_named;
  items.resize(max_named);
  return fmt::format("{} and {} more", fmt::join(items, ", "), rest);
}

/// Threads of all ranks of a host.
std::map<std::string, std::int64_t> threads_by_host(const Table& ranks) {
  const auto hosts = column_of(ranks, "host"), threads = column_of(ranks, "threads");
  std::map<std::string, std::int64_t> sum;
  for (std::size_t i = 0; i < std::min(hosts.size(), threads.size()); ++i) {
    if (const auto number = number_range(threads[i])) sum[hosts[i]] += static_cast<std::int64_t>(number->low);
  }
  return sum;
}

/// Nodes of one remark together: "node[01-08] (4 threads, quota 1.50)".
std::vector<std::string> by_remark(const std::vector<std::pair<std::string, std::string>>& hosts) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const auto& [host, remark] : hosts) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == remark; });
    if (same == groups.end()) {
      groups.push_back({remark, {host}});
    } else {
      same->second.push_back(host);
    }
  }
  std::vector<std::string> texts;
  for (const auto& [remark, names] : groups) {
    texts.push_back(fmt::format("{} ({})", fmt::join(compressed(names), " "), remark));
  }
  return texts;
}

void find_crowding(const Environment& environment, std::vector<std::string>& found) {
  const auto threads = threads_by_host(environment.ranks);
  const auto hosts = column_of(environment.nodes, "host"), quotas = column_of(environment.nodes, "cpu_quota");
  std::vector<std::pair<std::string, std::string>> over;
  for (std::size_t i = 0; i < std::min(hosts.size(), quotas.size()); ++i) {
    const auto quota = number_range(quotas[i]);
    const auto here = threads.find(hosts[i]);
    if (!quota || here == threads.end() || static_cast<double>(here->second) <= quota->low) continue;
    over.emplace_back(hosts[i], fmt::format("{} threads, quota {}", here->second, quotas[i]));
  }
  if (!over.empty()) {
    found.push_back(
        fmt::format("more threads than the CPU quota allows on {}: they are stopped again and again, and times "
                    "include it; set OMP_NUM_THREADS, take fewer ranks per node, or ask for more CPUs",
                    named(by_remark(over))));
    return;
  }
  const auto oversubscribed = environment.facts.find("oversubscribed");
  if (oversubscribed == environment.facts.end() || oversubscribed->second != "yes") return;
  found.emplace_back(
      "more threads than CPUs on a node: times include waiting for a CPU; set OMP_NUM_THREADS, or take fewer ranks "
      "per node");
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

/// A number of each node that tells one.
struct NodeNumbers {
  std::vector<std::string> hosts, texts;
  std::vector<double> values;
};

NodeNumbers highest_of(const Table& nodes, const std::string& column) {
  const auto hosts = column_of(nodes, "host"), texts = column_of(nodes, column);
  NodeNumbers numbers;
  for (std::size_t i = 0; i < std::min(hosts.size(), texts.size()); ++i) {
    const auto range = number_range(texts[i]);
    if (!range) continue;
    numbers.hosts.push_back(hosts[i]);
    numbers.texts.push_back(texts[i]);
    numbers.values.push_back(range->high);
  }
  return numbers;
}

/// A load of one process more than elsewhere, or than this run has threads there: those may be the last run's.
void find_busy(const Environment& environment, std::vector<std::string>& found) {
  const NodeNumbers loads = highest_of(environment.nodes, "load_average");
  if (loads.values.empty()) return;
  const auto threads = threads_by_host(environment.ranks);
  const double usual = median(loads.values);
  std::vector<std::string> busy;
  for (std::size_t i = 0; i < loads.values.size(); ++i) {
    const auto own = threads.find(loads.hosts[i]);
    const bool exceeds_own = own != threads.end() && loads.values[i] > static_cast<double>(own->second) + 1;
    if (loads.values[i] > usual + 1 || exceeds_own)
      busy.push_back(fmt::format("{} (load average {})", loads.hosts[i], loads.texts[i]));
  }
  if (busy.empty()) return;
  const std::string beside = loads.values.size() > 1 ? fmt::format("; median node {}", short_number(usual, 3)) : "";
  found.push_back(fmt::format("something else ran when this started on {}{}", named(busy), beside));
}

void find_slow(const Table& nodes, std::vector<std::string>& found) {
  const NodeNumbers clocks = highest_of(nodes, "cpu_mhz");
  if (clocks.values.empty()) return;
  const double usual = median(clocks.values);
  std::vector<std::string> slow;
  for (std::size_t i = 0; i < clocks.values.size(); ++i) {
    if (clocks.values[i] < 0.9 * usual) slow.push_back(fmt::format("{} ({} MHz)", clocks.hosts[i], clocks.texts[i]));
  }
  if (slow.empty()) return;
  found.push_back(fmt::format("slower clock on {}; median node {:.0f}", named(slow), usual));
}

}  // namespace

std::vector<std::string> environment_findings(const ReportHeader& header) {
  std::vector<std::string> found;
  find_crowding(header.environment, found);
  find_busy(header.environment, found);
  find_slow(header.environment.nodes, found);
  return found;
}

}  // namespace moeperf
