#include "results/launch_order.hpp"

#include "results/environment_table.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace moeperf {

bool is_same_machine(const ReportHeader& base, const ReportHeader& fresh) {
  const auto hosts = [](const ReportHeader& header) {
    const std::vector<std::string> names = column_of(header.environment.nodes, "host");
    return std::set<std::string>(names.begin(), names.end());
  };
  return base.num_ranks == fresh.num_ranks && base.num_nodes == fresh.num_nodes && hosts(base) == hosts(fresh);
}

std::int64_t num_alternations(const Report& base, const Report& fresh) {
  std::vector<std::pair<std::string, bool>> starts;  // ISO 8601 in UTC: in order as text
  for (const Launch& launch : base.launches) starts.emplace_back(launch.header.start_time, false);
  for (const Launch& launch : fresh.launches) starts.emplace_back(launch.header.start_time, true);
  std::sort(starts.begin(), starts.end());
  std::int64_t alternations = 0;
  for (std::size_t i = 1; i < starts.size(); ++i) alternations += starts[i].second != starts[i - 1].second ? 1 : 0;
  return alternations;
}

}  // namespace moeperf
