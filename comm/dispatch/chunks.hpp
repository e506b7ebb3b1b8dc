#pragma once

#include <algorithm>
#include <cstdint>

namespace moeperf {

/// Bytes [offset, offset + bytes) of a block.
struct Chunk {
  std::int64_t offset = 0, bytes = 0;
};

/// A block cut into messages of at most `most` bytes: transports have limits (2^31 is a common one), a block has none.
struct Chunks {
  std::int64_t block_bytes = 0, most = 1;

  std::int64_t count() const { return block_bytes / most + (block_bytes % most == 0 ? 0 : 1); }
  Chunk at(std::int64_t i) const { return {i * most, std::min(most, block_bytes - i * most)}; }
};

}  // namespace moeperf
