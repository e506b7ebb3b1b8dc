#pragma once

#include "comm/dispatch/row_exchange.hpp"

#include <cstddef>
#include <cstdint>

namespace moeperf {

/// Calls body(first row, rows) for each stretch of rows that blocks cover without a gap, so that few large copies do.
/// Blocks ascend, as ExchangePlan makes them: the rows of the rank itself are the only gap.
template <class Body>
void for_each_run(const RowBlocks& blocks, const Body& body) {
  std::int64_t first = 0, end = 0;
  for (std::size_t r = 0; r < blocks.counts.size(); ++r) {
    if (blocks.counts[r] == 0) continue;
    if (blocks.offsets[r] != end) {
      if (end > first) body(first, end - first);
      first = blocks.offsets[r];
    }
    end = std::int64_t{blocks.offsets[r]} + blocks.counts[r];
  }
  if (end > first) body(first, end - first);
}

}  // namespace moeperf
