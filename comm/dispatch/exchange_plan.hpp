#pragma once

#include "comm/dispatch/row_exchange.hpp"
#include "comm/mpi/communicator.hpp"
#include "kernels/placement.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// Who sends how many rows to whom. Three orders of rows matter: *packed*, a sender's copies by expert (hence
/// by owner, since placement is contiguous); *arrived*, a receiver's rows as blocks [source rank][local
/// expert]; *grouped*, the same rows as [local expert][source rank], which is by global token within an
/// expert. A rank's rows for itself keep their place in both packed and arrived but are no message: their MPI
/// counts are 0. Counts and offsets are rows.
struct ExchangePlan {
  /// Rows of this rank for one of its own experts.
  struct OwnBlock {
    std::int64_t packed = 0;   ///< first of them in packed order
    std::int64_t grouped = 0;  ///< first of them in grouped order
    std::int64_t count = 0;    ///< at least 1
  };

  RowBlocks send;                                ///< of packed rows
  RowBlocks arrive;                              ///< of arrived rows
  std::vector<std::int64_t> local_offsets;       ///< [L+1], of grouped rows
  std::vector<std::int64_t> arrived_of_grouped;  ///< [N]
  std::vector<std::int64_t> grouped_of_arrived;  ///< [N]
  std::vector<OwnBlock> own_blocks;              ///< in grouped order
  std::int64_t own_packed = 0;                   ///< first packed row for this rank itself
  std::int64_t own_arrived = 0;                  ///< its place among the arrived
  std::int64_t own_rows = 0;
  bool already_grouped = false;  ///< arrived and grouped are the same order

  /// packed_offsets [E+1]: first packed row of each expert. Collective: exchanges counts (not when alone) and computes
  /// the rest. Reuses memory.
  void make(const Communicator& comm, const Placement& placement, std::span<const std::int64_t> packed_offsets);

  std::int64_t num_packed() const { return send.num_rows; }
  std::int64_t num_arrived() const { return static_cast<std::int64_t>(arrived_of_grouped.size()); }

  /// Bytes of counts that make() sends to each other rank.
  static std::int64_t counts_bytes(const Placement& placement);

 private:
  void exchange_counts(const Communicator& comm, const Placement& placement,
                       std::span<const std::int64_t> packed_offsets);
  void place_rows(const Communicator& comm, const Placement& placement, std::span<const std::int64_t> packed_offsets);
  void group_rows(const Communicator& comm, const Placement& placement);

  std::vector<std::int64_t> counts_out_;    ///< [P, most local experts], of this rank's rows for each expert
  std::vector<std::int64_t> counts_in_;     ///< the same from each rank for this rank's experts
  std::vector<std::int64_t> next_arrived_;  ///< [P]
};

}  // namespace moeperf
