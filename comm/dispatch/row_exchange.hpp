#pragma once

#include "kernels/base/view.hpp"

#include <cstdint>
#include <vector>

namespace moeperf {

/// Consecutive rows of a buffer for each rank, in rows. Always fewer than 2^31 rows; their bytes may be more.
struct RowBlocks {
  std::vector<int> counts, offsets;  ///< [P]
  bool operator==(const RowBlocks&) const = default;
};

/// Moves rows between all ranks: the step in which the flat dispatchers differ. One object serves one dispatcher: an
/// exchange out (dispatch), then its mirror (combine), over and over. All calls but sent_bytes are collective.
class RowExchange {
 public:
  enum class Way : std::uint8_t { out, back };

  virtual ~RowExchange() = default;

  /// The blocks of the exchanges that follow: out sends `send` and receives `arrive`, back the other way round. Nobody
  /// has a block for itself (count 0). Valid until the next call.
  virtual void prepare(const RowBlocks& send, const RowBlocks& arrive) = 0;

  /// Returns when this rank's rows have arrived in `to` and those in `from` may be changed.
  virtual void run(Way way, ConstRows from, Rows to) = 0;

  /// What run sends to another rank, padding and its own metadata included.
  virtual std::int64_t sent_bytes(Way way, int destination) const = 0;
};

}  // namespace moeperf
