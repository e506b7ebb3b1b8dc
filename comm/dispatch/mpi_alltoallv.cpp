// mpi-alltoallv: the flat collective, one MPI_Alltoallv of rows each way; in two halves, MPI_Ialltoallv.
//
// Cost per rank of P, beside flat_dispatcher.hpp: P − 1 messages each way; how they are ordered is the library's
// choice. No memory of its own.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/dispatch/rows_for_mpi.hpp"
#include "comm/mpi/error.hpp"

namespace moeperf {
namespace {

class Alltoallv final : public MpiRowExchange {
 public:
  using MpiRowExchange::MpiRowExchange;

  void run(Way way, ConstRows from, Rows to) override {
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
    mpi_check(MPI_Alltoallv(from.data(), out.counts.data(), out.offsets.data(), row_type(way), to.data(),
                            in.counts.data(), in.offsets.data(), row_type(way), comm_.get()),
              "MPI_Alltoallv");
  }

  bool can_split() const override { return true; }

  void start(Way way, ConstRows from, Rows to) override {
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
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

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Alltoallv>(context));
}

const DispatcherRegistration registration({"mpi-alltoallv", "flat collective: counts, then rows, in MPI_Alltoallv", 10,
                                           rows_for_mpi, make, ""});

}  // namespace
}  // namespace moeperf
