#pragma once

#include "comm/dispatch/rails.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/permute.hpp"
#include "kernels/routing.hpp"

#include <cstdint>
#include <vector>

namespace moeperf {

/// How many rows each rank sends to each node, one for each pair of a token and a node that holds any of its experts,
/// for how many copies, and where they lie in the memory of a node: blocks by source rank, in a block by token, hence
/// by global token index.
class NodeBlocks {
 public:
  /// Both outlive this.
  NodeBlocks(const Communicator& comm, const Rails& rails) : comm_(comm), rails_(rails) {}

  /// Collective: gathers everybody's counts. When it returns, all ranks have called it. Reuses memory.
  void make(const Routing& routing, Permuter& permuter);

  /// This rank's rows by node: keys are nodes, copies are [T, width()].
  const PermutePlan& packing() const { return packing_; }
  std::int32_t width() const { return packing_.top_k; }
  std::int64_t first_row_to(int node) const { return packing_.offsets[static_cast<std::size_t>(node)]; }

  std::int64_t count(int source, int node) const { return counts(source, node).rows; }
  /// Of all sources, on any node.
  std::int64_t rows_on(int node) const;
  std::int64_t copies_on(int node) const;
  /// First row of a source's block on this rank's node; for one source too many, the number of rows there.
  std::int64_t first_row_from(int source) const { return first_row_[static_cast<std::size_t>(source)]; }
  std::int64_t num_rows() const { return first_row_.back(); }
  /// Of this rank for its own node.
  std::int64_t num_rows_of_self() const { return count(comm_.rank(), comm_.node()); }

  /// Bytes that make() sends to each other rank.
  std::int64_t counts_bytes() const { return comm_.num_nodes() * static_cast<std::int64_t>(sizeof(Counts)); }

 private:
  struct Counts {
    int rows = 0, copies = 0;
  };
  const Counts& counts(int source, int node) const {
    return counts_[static_cast<std::size_t>(source) * static_cast<std::size_t>(comm_.num_nodes()) +
                   static_cast<std::size_t>(node)];
  }

  const Communicator& comm_;
  const Rails& rails_;
  std::int32_t nodes_per_token_ = 0;        ///< at most
  std::vector<std::int32_t> node_of_copy_;  ///< [T, nodes_per_token_], ascending, then −1
  PermutePlan packing_;
  std::vector<Counts> counts_;  ///< [P, nodes]
  std::vector<std::int64_t> first_row_{0};
};

}  // namespace moeperf
