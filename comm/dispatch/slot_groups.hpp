#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// Where the rows received by mpi-low-latency lie and belong. *Arrived* order is [source rank][local expert]; *grouped*
/// order [local expert][source rank], which is by global token within an expert. Sources' rows lie in regions: the
/// rank's own tokens, the slots in its node's memory, those in its window. Pure calculation.
struct SlotGroups {
  enum class Region : std::uint8_t { own, node, elsewhere };

  /// Of a source: its rows are rows first_row, first_row + 1, … of the region.
  struct Source {
    Region region = Region::own;
    std::int64_t first_row = 0;
  };

  /// Consecutive grouped rows from one region.
  struct Run {
    Region region = Region::own;
    std::int64_t first = 0, count = 0;
  };

  std::vector<std::int64_t> offsets;             ///< [L+1], of grouped rows
  std::vector<std::int64_t> first_arrived;       ///< [P+1]
  std::vector<std::int64_t> grouped_of_arrived;  ///< [N]
  std::vector<std::int64_t> row_of_grouped;      ///< [N], in its region
  std::vector<Run> runs;                         ///< in grouped order, all rows

  /// counts [P, width], of which the first `num_local` in each row count. Reuses memory.
  void make(std::span<const std::int64_t> counts, std::int32_t width, std::int32_t num_local,
            std::span<const Source> sources);

  std::int64_t num_rows() const { return static_cast<std::int64_t>(row_of_grouped.size()); }
  std::int64_t num_from(int source) const {
    const auto r = static_cast<std::size_t>(source);
    return first_arrived[r + 1] - first_arrived[r];
  }
  /// Grouped rows of a source in the order in which it sent them.
  std::span<const std::int64_t> grouped_from(int source) const {
    const auto first = static_cast<std::size_t>(first_arrived[static_cast<std::size_t>(source)]);
    return std::span(grouped_of_arrived).subspan(first, static_cast<std::size_t>(num_from(source)));
  }

 private:
  std::vector<std::int64_t> next_arrived_;  ///< [P]
};

}  // namespace moeperf
