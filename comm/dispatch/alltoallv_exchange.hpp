#pragma once

#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/mpi/error.hpp"

namespace moeperf {

/// One MPI_Alltoallv of rows each way; in two halves, MPI_Ialltoallv. P − 1 messages per rank of P; how they are
/// ordered is the library's choice. No memory of its own.
class AlltoallvExchange final : public MpiRowExchange {
 public:
  using MpiRowExchange::MpiRowExchange;

  bool can_overlap() const override { return true; }

  void start(Way way, ConstRows from, Rows to, Overlap overlap) override {
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
    if (overlap == Overlap::none) {
      mpi_check(MPI_Alltoallv(from.data(), out.counts.data(), out.offsets.data(), row_type(way), to.data(),
                              in.counts.data(), in.offsets.data(), row_type(way), comm_.get()),
                "MPI_Alltoallv");
      return;
    }
    mpi_check(MPI_Ialltoallv(from.data(), out.counts.data(), out.offsets.data(), row_type(way), to.data(),
                             in.counts.data(), in.offsets.data(), row_type(way), comm_.get(), &request_),
              "MPI_Ialltoallv");
  }

  void finish(Way) override { mpi_check(MPI_Wait(&request_, MPI_STATUS_IGNORE), "MPI_Wait"); }

  void progress() override {
    int done = 0;
    mpi_check(MPI_Request_get_status(request_, &done, MPI_STATUS_IGNORE), "MPI_Request_get_status");
  }

 private:
  MPI_Request request_ = MPI_REQUEST_NULL;
};

}  // namespace moeperf
