#pragma once

#include <cstdint>

namespace moeperf {

/// Bytes that left this rank in one exchange, row payload and metadata (counts, indices) together.
struct WireBytes {
  std::int64_t self = 0;   ///< stayed on the rank (copied, not sent)
  std::int64_t intra = 0;  ///< to other ranks of the same node
  std::int64_t inter = 0;  ///< to ranks of other nodes

  WireBytes& operator+=(const WireBytes& other) {
    self += other.self;
    intra += other.intra;
    inter += other.inter;
    return *this;
  }
};

}  // namespace moeperf
