#pragma once

#include "comm/dispatch/slot_flags.hpp"
#include "comm/dispatch/slot_layout.hpp"
#include "comm/dispatch/transport.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/window.hpp"
#include "kernels/base/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace moeperf {

/// A rank's area in its node's memory: slots for the other ranks there, and all its expert outputs.
inline SlotLayout layout_on_node(const DispatchContext& context) {
  return {.num_sources = context.comm->ranks_on_node() - 1,
          .slot_rows = SlotLayout::most_rows(context.max_tokens, context.top_k, context.placement.num_local(0)),
          .row_bytes = context.dispatch_format().bytes(),
          .expert_out_rows = context.max_tokens * context.top_k,
          .expert_out_bytes = context.combine_format().bytes()};
}

/// A node's ranks' areas begin with a page.
inline std::int64_t area_bytes(const SlotLayout& layout) { return (layout.bytes() + 4095) / 4096 * 4096; }

/// A rank's window, for what comes from other nodes.
inline SlotLayout layout_from_elsewhere(SlotLayout on_node, const Communicator& comm, int rank) {
  const int node = comm.node_of_rank()[static_cast<std::size_t>(rank)];
  on_node.num_sources = comm.size() - static_cast<std::int64_t>(comm.ranks_of_node(node).size());
  return on_node;
}

/// Where a rank's copies begin at their source, and how many there are for each expert.
inline std::int64_t flag_words(const DispatchContext& context) { return 1 + context.placement.num_local(0); }

/// What all handles of mpi-low-latency share: slots and flags.
struct LowLatencyTransport : Transport {
  explicit LowLatencyTransport(const DispatchContext& context)
      : Transport(context),
        max_tokens(context.max_tokens),
        width(placement.num_local(0)),
        node_layout(layout_on_node(context)),
        flags(comm, flag_words(context)),
        node_memory(comm) {
    mpi_count(max_tokens * context.top_k, "rows");
    find_peers();
    if (is_alone()) return;
    node_memory.reserve(comm.ranks_on_node() * area_bytes(node_layout));
    if (comm.num_nodes() > 1) window = MpiWindow(comm, layout_elsewhere(comm.rank()).bytes());
  }

  struct Peer {
    int place_on_node = -1;     ///< −1: on another node
    std::int64_t my_slot = 0;   ///< this rank's among the peer's, in the node's memory or the window
    std::int64_t its_slot = 0;  ///< the peer's here
    bool on_node() const { return place_on_node >= 0; }
  };

  const Peer& peer(int rank) const { return peers[static_cast<std::size_t>(rank)]; }
  std::byte* area(int rank) const { return node_memory.data() + peer(rank).place_on_node * area_bytes(node_layout); }
  SlotLayout layout_elsewhere(int rank) const { return layout_from_elsewhere(node_layout, comm, rank); }

  void require_room(const char* what, std::int64_t count, std::int64_t room) const {
    if (count <= room) return;
    throw Error(fmt::format("mpi-low-latency has room for {} {}, rank {} has {}", room, what, comm.rank(), count));
  }

  /// Raises the flags elsewhere once the rows are there, and waits for everybody's.
  template <class Raise>
  void complete(const Raise& raise) {
    if (window.is_open()) {
      window.flush();
      for (const int rank : others) {
        if (!peer(rank).on_node()) raise(rank);
      }
    }
    flags.wait();
    if (window.is_open()) window.sync();
  }

  std::int64_t max_tokens;
  std::int32_t width;       // experts of the ranks that have most
  SlotLayout node_layout;   // of a rank's area in its node's memory
  std::vector<Peer> peers;  // [P]
  std::vector<int> others;  // [P − 1], in the order in which they are written to
  SlotFlags flags;
  NodeMemory node_memory;
  MpiWindow window;  // for rows from other nodes
  Buffer packed;     // rows for other nodes
  Buffer grouped;    // received rows

 private:
  void find_peers() {
    const std::vector<int>& node_of_rank = comm.node_of_rank();
    const auto node_of = [&](int rank) { return node_of_rank[static_cast<std::size_t>(rank)]; };
    // Slots of sources on the node lie in its memory, those of others in the window, in rank order without the owner.
    const auto slot_at = [&](int owner, int source) {
      const bool same_node = node_of(owner) == node_of(source);
      return std::count_if(node_of_rank.begin(), node_of_rank.begin() + source,
                           [&](int node) { return (node == node_of(owner)) == same_node; }) -
             (same_node && owner < source ? 1 : 0);
    };
    peers.resize(static_cast<std::size_t>(comm.size()));
    for (int rank = 0; rank < comm.size(); ++rank) {
      Peer& one = peers[static_cast<std::size_t>(rank)];
      const std::vector<int>& neighbours = comm.ranks_of_node(comm.node());
      const auto found = std::find(neighbours.begin(), neighbours.end(), rank);
      if (found != neighbours.end()) one.place_on_node = static_cast<int>(found - neighbours.begin());
      one.my_slot = slot_at(rank, comm.rank());
      one.its_slot = slot_at(comm.rank(), rank);
    }
    // Those elsewhere first: the network works while rows for the node are copied.
    for (const bool on_node : {false, true}) {
      for (int step = 1; step < comm.size(); ++step) {
        const int rank = (comm.rank() + step) % comm.size();
        if (peer(rank).on_node() == on_node) others.push_back(rank);
      }
    }
  }
};

}  // namespace moeperf
