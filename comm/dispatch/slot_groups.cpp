#include "comm/dispatch/slot_groups.hpp"

namespace moeperf {

void SlotGroups::make(std::span<const std::int64_t> counts, std::int32_t width, std::int32_t num_local,
                      std::span<const Source> sources) {
  const auto count = [&](std::size_t source, std::int32_t expert) {
    return counts[source * static_cast<std::size_t>(width) + static_cast<std::size_t>(expert)];
  };
  first_arrived.assign(1, 0);
  for (std::size_t source = 0; source < sources.size(); ++source) {
    std::int64_t next = first_arrived.back();
    for (std::int32_t expert = 0; expert < num_local; ++expert) next += count(source, expert);
    first_arrived.push_back(next);
  }
  const auto total = static_cast<std::size_t>(first_arrived.back());
  grouped_of_arrived.resize(total);
  row_of_grouped.resize(total);
  next_arrived_.assign(first_arrived.begin(), first_arrived.end() - 1);
  offsets.assign(1, 0);
  runs.clear();
  std::int64_t grouped = 0;
  for (std::int32_t expert = 0; expert < num_local; ++expert) {
    for (std::size_t source = 0; source < sources.size(); ++source) {
      const std::int64_t num = count(source, expert);
      if (num == 0) continue;
      const Region region = sources[source].region;
      // Own rows are gathered by way of a list that continues from expert to expert, so they may continue a run, too.
      if (runs.empty() || runs.back().region != region) runs.push_back({region, grouped, 0});
      runs.back().count += num;
      std::int64_t& arrived = next_arrived_[source];
      for (std::int64_t i = 0; i < num; ++i, ++arrived, ++grouped) {
        grouped_of_arrived[static_cast<std::size_t>(arrived)] = grouped;
        row_of_grouped[static_cast<std::size_t>(grouped)] = sources[source].first_row + arrived - first_arrived[source];
      }
    }
    offsets.push_back(grouped);
  }
}

}  // namespace moeperf
