// mpi-alltoallv: the flat collective, one MPI_Alltoallv of rows each way.
//
// Cost per rank of P, beside flat_dispatcher.hpp: P − 1 messages each way; how they are ordered is the library's
// choice. No memory of its own.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/mpi/error.hpp"

namespace moeperf {
namespace {

class Alltoallv final : public MpiRowExchange {
 public:
  using MpiRowExchange::MpiRowExchange;

  void run(Way way, ConstRows from, Rows to) override {
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
    mpi_check(MPI_Alltoallv(from.data(), out.counts.data(), out.offsets.data(), row_.get(), to.data(), in.counts.data(),
                            in.offsets.data(), row_.get(), comm_.get()),
              "MPI_Alltoallv");
  }
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Alltoallv>(context));
}

const Registration registration(dispatcher_registry(),
                                {"mpi-alltoallv", "flat collective: counts, then rows, in MPI_Alltoallv", 10, host_only,
                                 make, ""});

}  // namespace
}  // namespace moeperf
