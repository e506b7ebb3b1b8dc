#pragma once

#include "comm/dispatch/local_copies.hpp"
#include "comm/dispatch/row_exchange.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/mpi/row_type.hpp"
#include "kernels/permute.hpp"
#include "kernels/placement.hpp"
#include "kernels/routing.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// Who sends which rows to whom when a token travels once to each rank that holds any of its experts. Three orders of
/// rows matter: *packed*, a sender's rows as blocks [destination], tokens ascending; *arrived*, a receiver's rows as
/// blocks [source], hence by global token; *grouped*, one row per copy, by local expert. A rank's rows for itself keep
/// their place in both packed and arrived but are no message: their MPI counts are 0.
///
/// Which copies a row stands for is told in labels of their own, 8 bytes for each copy: local expert and weight, the
/// first label of a row marked by the complement of its expert. So a row needs no fixed number of labels (K would be
/// mostly padding) and no count of them.
class DedupPlan {
 public:
  /// Rows of this rank for its own experts that follow each other in grouped order.
  struct OwnBlock {
    std::int64_t grouped = 0;  ///< first of them in grouped order
    std::int64_t count = 0;    ///< at least 1
  };

  /// `comm` and `permuter` outlive this.
  DedupPlan(const Communicator& comm, const Placement& placement, Permuter& permuter, std::int32_t top_k);

  /// Collective: exchanges counts and labels (not when alone). Reuses memory.
  void make(const Routing& routing);
  /// The rest, local and not needed before rows may travel: sorts the copies that the arrived rows stand for.
  void group();

  // After make:
  PermutePlan packing;           ///< slots of [T, min(K,P)]: each token's rows, ranks ascending
  RowBlocks send;                ///< of packed rows
  RowBlocks arrive;              ///< of arrived rows
  std::int64_t own_packed = 0;   ///< first packed row for this rank itself
  std::int64_t own_arrived = 0;  ///< its place among the arrived
  std::int64_t own_rows = 0;
  std::int64_t num_arrived = 0;
  bool already_grouped = false;  ///< arrived and grouped are the same order: one local expert, or none

  // After group:
  LocalCopies copies;                    ///< of arrived rows
  std::vector<OwnBlock> own_blocks;      ///< in grouped order
  std::vector<std::int64_t> own_tokens;  ///< whose copies the own blocks hold, in the same order

  /// Other weights [T,K] than the routing's as a table beside that of `copies`. Collective: sends them to the ranks of
  /// the copies. Valid until the next call.
  std::span<const float> table_of(std::span<const float> weights);

  /// Bytes of counts and labels that make() sent to another rank.
  std::int64_t metadata_bytes(int destination) const;
  /// Bytes that table_of() sends there.
  std::int64_t weights_bytes(int destination) const;

 private:
  struct PairCounts {
    int rows = 0, labels = 0;
  };

  void write_labels(const Routing& routing);
  void exchange_counts();
  void exchange_labels();
  void find_own_blocks();
  /// Calls body(place in the table of copies, label) for each label that arrived.
  template <class Body>
  void for_each_place(const Body& body) const;

  const Communicator& comm_;
  Placement placement_;
  Permuter& permuter_;
  RowType label_type_, counts_type_;
  std::vector<int> owner_;                          ///< [E]
  std::vector<std::int32_t> destinations_;          ///< [T, min(K,P)]
  std::vector<PairCounts> counts_out_, counts_in_;  ///< [P]
  std::vector<CopyLabel> labels_out_, labels_in_;
  std::vector<std::int64_t> copy_of_label_;  ///< of those that go out
  std::vector<float> weights_out_, weights_in_, table_;
  RowBlocks labels_sent_, labels_arrived_;
  int num_own_labels_ = 0;
  std::vector<std::int64_t> last_token_;  ///< [P]
  std::vector<int> next_label_;           ///< [P]
};

}  // namespace moeperf
