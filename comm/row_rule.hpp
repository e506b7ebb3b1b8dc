#pragma once

#include "kernels/placement.hpp"
#include "kernels/routing.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace moeperf {

/// Which rows an algorithm makes travel, as a function of the routing alone. Each dispatcher names its rule, so that
/// the bytes that it books can be held against a count that knows nothing of its code.
///
///   copies:   a row for each copy, straight to the rank of its expert, and its output straight back
///   padded:   between each two ranks as many rows as the largest block of all has, each way; own copies as they are
///   ranks:    a row once to each rank that holds any of the token's experts, and one partial sum back
///   nodes:    a row once to each other node that does, from the rank that carries it there (the source itself at home),
///             one for each copy to the rank of its expert, and both the same way back
///   everyone: every token's row to every rank, and a partial sum from every rank back
///   gathered: every token's row to every rank, and every expert output to every rank
enum class RowRule : std::uint8_t { copies, padded, ranks, nodes, everyone, gathered };
std::string_view name(RowRule rule);

/// Rows by how far they go.
struct RowCounts {
  std::int64_t self = 0;   ///< stay on their rank
  std::int64_t intra = 0;  ///< to another rank of the node
  std::int64_t inter = 0;  ///< to another node
  bool operator==(const RowCounts&) const = default;
};

struct TravellingRows {
  RowCounts dispatch, combine;
  RowCounts labelled;  ///< rows whose K experts and weights may have to be told as well, in dispatch
};

/// Counts what a rank's tokens make travel, whoever sends it: added up over the ranks this is what they book. Local.
class RowCounter {
 public:
  RowCounter(const Placement& placement, std::span<const int> node_of_rank);

  /// `largest_block`: of all ranks, for RowRule::padded.
  TravellingRows count(RowRule rule, const Routing& routing, int source, std::int64_t largest_block) const;
  /// Copies of the tokens of `source` for the other rank that gets most.
  std::int64_t largest_block(const Routing& routing, int source) const;
  /// Ordered pairs of different ranks.
  RowCounts pairs() const;

 private:
  int node_of(int rank) const { return node_of_rank_[static_cast<std::size_t>(rank)]; }
  std::vector<std::int64_t> copies_by_owner(const Routing& routing) const;
  int carrier(int source, int node) const;
  void add(RowCounts& rows, int from, int to, std::int64_t number = 1) const;
  void add_to_all(RowCounts& rows, int from, std::int64_t number) const;
  void add_by_node(TravellingRows& rows, int source, std::span<const int> owners) const;

  Placement placement_;
  std::vector<int> node_of_rank_;
  std::vector<std::vector<int>> ranks_of_node_;
};

}  // namespace moeperf
