// mpi-alltoallv: the flat collective, one MPI_Alltoallv of rows each way; in two halves, MPI_Ialltoallv.
//
// Cost per rank of P, beside flat_dispatcher.hpp: P − 1 messages each way; how they are ordered is the library's
// choice. No memory of its own.

#include "comm/dispatch/alltoallv_exchange.hpp"
#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/rows_for_mpi.hpp"

namespace moeperf {
namespace {

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<AlltoallvExchange>(context));
}

const DispatcherRegistration registration({"mpi-alltoallv", "flat collective: counts, then rows, in MPI_Alltoallv", 10,
                                           rows_for_mpi, make, ""});

}  // namespace
}  // namespace moeperf
