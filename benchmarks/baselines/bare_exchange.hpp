#pragma once

#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/verification/checker.hpp"
#include "comm/mpi/row_type.hpp"

#include <vector>

namespace moeperf {

/// One MPI_Alltoallv of a routing's rows and nothing else: the baseline of every exchange. Counts, rows and
/// buffers are ready beforehand, the copies to itself included, as a plain program would do it.
class BareExchange {
 public:
  enum class Direction : std::uint8_t { dispatch, combine };
  /// Rows as they travel on `wire`, in that direction. Collective.
  BareExchange(const Problem& problem, const Routing& routing, Direction direction, WireType wire);
  void run();  ///< collective
  void poison();
  /// What the run since delivered, row by row: each says where it comes from.
  void check(Checker& checker) const;
  std::int64_t sent_bytes() const { return send_.capacity_bytes(); }
  std::int64_t received_bytes() const { return receive_.capacity_bytes(); }

 private:
  const Communicator& comm_;
  std::vector<int> send_counts_, send_offsets_, receive_counts_, receive_offsets_;
  RowBuffer send_, receive_;
  RowType row_;
};

/// Rows as they travel on `wire`, in one direction.
RowFormat travelling_format(const ModelShape& model, BareExchange::Direction direction, WireType wire);

}  // namespace moeperf
