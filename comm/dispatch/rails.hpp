#pragma once

#include "comm/mpi/communicator.hpp"
#include "kernels/placement.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// Who carries what between nodes: a rank's rows for a node go to the rank there that has the same place on its node
/// (its *rail*), counted round where nodes have different numbers of ranks. For its own node a rank is its own rail.
class Rails {
 public:
  /// `comm` outlives this.
  Rails(const Communicator& comm, const Placement& placement);

  /// The rank on `node` that receives the rows of `source` for it.
  int carrier(int source, int node) const;
  /// Ranks of other nodes whose rows for this node come to this rank, ascending.
  const std::vector<int>& sources() const { return sources_; }

  std::span<const int> node_of_expert() const { return node_of_expert_; }  ///< [E]

  // Experts of this node are numbered from 0 in the order (rank on the node, expert).
  /// −1 for experts of other nodes and for −1, a dropped copy.
  std::int32_t node_expert(std::int32_t expert) const { return node_expert_[static_cast<std::size_t>(expert + 1)]; }
  std::int32_t num_node_experts() const { return first_node_expert_.back(); }
  /// First of the node's experts that the rank at this place of the node holds; the end for one place too many.
  std::int32_t first_node_expert(int place) const { return first_node_expert_[static_cast<std::size_t>(place)]; }
  /// Place on the node of the rank that holds it.
  int place_of_node_expert(std::int32_t node_expert) const;

 private:
  const Communicator& comm_;
  std::vector<int> place_;  ///< [P], of each rank on its node
  std::vector<int> sources_;
  std::vector<int> node_of_expert_;              ///< [E]
  std::vector<std::int32_t> node_expert_;        ///< [1 + E], from expert −1 on
  std::vector<std::int32_t> first_node_expert_;  ///< [ranks on the node + 1]
};

}  // namespace moeperf
