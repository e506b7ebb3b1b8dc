#pragma once

#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"

#include <span>

namespace moeperf {

/// Books `bytes` that rank `source` sends to `destination` under self, intra- or inter-node.
inline void book(WireBytes& wire, std::span<const int> node_of_rank, int source, int destination, std::int64_t bytes) {
  const auto node = [&](int rank) { return node_of_rank[static_cast<std::size_t>(rank)]; };
  if (destination == source) {
    wire.self += bytes;
  } else if (node(destination) == node(source)) {
    wire.intra += bytes;
  } else {
    wire.inter += bytes;
  }
}

/// The same for bytes of this rank.
inline void book(WireBytes& wire, const Communicator& comm, int destination, std::int64_t bytes) {
  book(wire, comm.node_of_rank(), comm.rank(), destination, bytes);
}

}  // namespace moeperf
