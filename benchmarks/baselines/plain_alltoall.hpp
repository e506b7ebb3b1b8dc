#pragma once

#include "benchmarks/verification/checker.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/mpi/row_type.hpp"

#include <utility>

namespace moeperf {

/// One MPI_Alltoall of equal blocks of rows: an exchange of about as many bytes as another, without its counts, its
/// imbalance and its order.
class PlainAlltoall {
 public:
  /// `rows_global`: of all ranks together, those that stay at home included; each of the P² blocks gets its share,
  /// rounded up. The same on all ranks. `comm` outlives this.
  PlainAlltoall(const Communicator& comm, RowFormat format, std::int64_t rows_global);
  void run();  ///< collective
  std::int64_t sent_bytes() const { return std::as_const(send_).rows().bytes(); }
  void poison();
  /// As BareExchange.
  void check(Checker& checker) const;

 private:
  const Communicator& comm_;
  int block_;  ///< rows
  RowBuffer send_, receive_;
  RowType row_;
};

}  // namespace moeperf
