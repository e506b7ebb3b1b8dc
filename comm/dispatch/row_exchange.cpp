#include "comm/dispatch/row_exchange.hpp"

#include "comm/mpi/count.hpp"

namespace moeperf {

std::int64_t lay_out(RowBlocks& blocks) {
  std::int64_t total = 0;
  blocks.offsets.resize(blocks.counts.size());
  for (std::size_t r = 0; r < blocks.counts.size(); ++r) {
    blocks.offsets[r] = mpi_count(total, "rows");
    total += blocks.counts[r];
  }
  return total;
}

}  // namespace moeperf
