#pragma once

#include <algorithm>
#include <cstdint>

namespace moeperf {

/// Where in a rank's memory others write in mpi-low-latency, as bytes from its beginning: a slot per source for
/// dispatched rows, and one for the expert outputs of all copies of the rank's own tokens, in packed order; both twice,
/// for exchanges of even and of odd number. Pure arithmetic.
struct SlotLayout {
  std::int64_t num_sources = 0;       ///< that write here
  std::int64_t slot_rows = 0;         ///< room for rows from one source
  std::int64_t row_bytes = 0;         ///< of dispatched rows
  std::int64_t expert_out_rows = 0;   ///< room for expert outputs
  std::int64_t expert_out_bytes = 0;  ///< of one expert output

  /// The most copies that a source of `max_tokens` can have for a rank of `num_local` experts: a token chooses each
  /// expert once at most.
  static std::int64_t most_rows(std::int64_t max_tokens, std::int32_t top_k, std::int32_t num_local) {
    return max_tokens * std::min(top_k, num_local);
  }

  std::int64_t slot(int parity, std::int64_t source) const {
    return (parity * num_sources + source) * slot_rows * row_bytes;
  }
  std::int64_t expert_out(int parity) const {
    return aligned(slot(2, 0)) + parity * aligned(expert_out_rows * expert_out_bytes);
  }
  std::int64_t bytes() const { return expert_out(2); }

 private:
  static std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }
};

}  // namespace moeperf
