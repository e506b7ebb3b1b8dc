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
struct RowGroups {
  View<const std::int64_t> offsets;  ///< contiguous
  View<const std::int64_t> counts;   ///< masked
  std::int64_t capacity = 0;         ///< of a masked group, in rows; 0: contiguous

  static RowGroups contiguous(View<const std::int64_t> offsets) { return {offsets, {}, 0}; }
  static RowGroups masked(View<const std::int64_t> counts, std::int64_t capacity) { return {{}, counts, capacity}; }

  bool is_masked() const { return capacity > 0; }
  std::int64_t num_groups() const {
    return static_cast<std::int64_t>(is_masked() ? counts.size() : offsets.empty() ? 0 : offsets.size() - 1);
  }

  // The host's, of numbers in host memory:
  std::int64_t first(std::int64_t group) const {
    return is_masked() ? group * capacity : offsets.host()[static_cast<std::size_t>(group)];
  }
  std::int64_t count(std::int64_t group) const {
    const auto e = static_cast<std::size_t>(group);
    return is_masked() ? counts.host()[e] : offsets.host()[e + 1] - offsets.host()[e];
  }
  /// Rows in use.
  std::int64_t num_rows() const {
    std::int64_t rows = 0;
    for (std::int64_t e = 0; e < num_groups(); ++e) rows += count(e);
    return rows;
  }
};

}  // namespace moeperf
