#pragma once

#include "kernels/base/array.hpp"

#include <cstdint>
#include <span>

namespace moeperf {

/// Which rows of a matrix [N,H] are whose, for L local experts. The numbers may lie in device memory, where a kernel
/// reads them without the host ever knowing them. Two layouts, the same as DeepGEMM's:
///
///   contiguous  groups one behind the other: rows [offsets[e], offsets[e+1]); offsets [L+1]
///   masked      a fixed number of rows for each group, not all of them in use: rows [e·capacity, e·capacity +
///               counts[e]); counts [L]. The matrix has L·capacity rows, and what the others hold means nothing.
///
/// One group of all rows, whose number the host knows, needs no list: whole().
struct RowGroups {
  View<const std::int64_t> offsets;  ///< contiguous
  View<const std::int64_t> counts;   ///< masked
  std::int64_t capacity = 0;         ///< of a masked group, in rows; 0: contiguous

  static RowGroups contiguous(View<const std::int64_t> offsets) { return {offsets, {}, 0}; }
  static RowGroups masked(View<const std::int64_t> counts, std::int64_t capacity) { return {{}, counts, capacity}; }

  static RowGroups whole(std::int64_t num_rows) { return {{}, {}, num_rows}; }

  bool is_masked() const { return capacity > 0; }
  std::int64_t num_groups() const {
    if (is_masked()) return counts.empty() ? 1 : static_cast<std::int64_t>(counts.size());
    return offsets.empty() ? 0 : static_cast<std::int64_t>(offsets.size()) - 1;
  }

  // The host's, of numbers in host memory:
  std::int64_t first(std::int64_t group) const {
    return is_masked() ? group * capacity : offsets.host()[static_cast<std::size_t>(group)];
  }
  std::int64_t count(std::int64_t group) const {
    const auto e = static_cast<std::size_t>(group);
    if (is_masked()) return counts.empty() ? capacity : counts.host()[e];
    return offsets.host()[e + 1] - offsets.host()[e];
  }
  /// Rows in use.
  std::int64_t num_rows() const {
    std::int64_t rows = 0;
    for (std::int64_t e = 0; e < num_groups(); ++e) rows += count(e);
    return rows;
  }
};

}  // namespace moeperf
