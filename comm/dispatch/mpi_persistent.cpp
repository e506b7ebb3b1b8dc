// mpi-persistent: MPI_Alltoallv set up once and started for every batch of the same routing, as with a frozen router
// or a captured graph.
//
//   run: if blocks or buffers changed on any rank since the last time: MPI_Alltoallv_init; then MPI_Start, MPI_Wait
//
// Cost per rank of P, beside flat_dispatcher.hpp: one MPI_Allreduce of a flag and P − 1 messages each way; the set-up
// when something changed. What it saves against mpi-alltoallv is what the library does before its first message.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/dispatch/rows_for_mpi.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/handle.hpp"
#include "comm/mpi/persistent.hpp"

#include <array>

namespace moeperf {
namespace {

#ifdef MOEPERF_ALLTOALLV_INIT

class Persistent final : public MpiRowExchange {
 public:
  using MpiRowExchange::MpiRowExchange;

  bool can_overlap() const override { return true; }

  void start(Way way, ConstRows from, Rows to, Overlap) override {
    Frozen& frozen = frozen_[static_cast<std::size_t>(way)];
    if (!comm_.all(frozen.serves(sent(way), received(way), from.data(), to.data()))) {
      frozen = Frozen{sent(way), received(way), from.data(), to.data()};
      mpi_check(MOEPERF_ALLTOALLV_INIT(frozen.from, frozen.out.counts.data(), frozen.out.offsets.data(), row_type(way),
                                       frozen.to, frozen.in.counts.data(), frozen.in.offsets.data(), row_type(way),
                                       comm_.get(), MPI_INFO_NULL, frozen.request.out()),
                "MPI_Alltoallv_init");
    }
    MPI_Request request = frozen.request.get();
    mpi_check(MPI_Start(&request), "MPI_Start");
  }

  void finish(Way way) override {
    MPI_Request request = frozen_[static_cast<std::size_t>(way)].request.get();
    mpi_check(MPI_Wait(&request, MPI_STATUS_IGNORE), "MPI_Wait");
  }

  void progress() override {
    int done = 0;
    for (const Frozen& frozen : frozen_) {
      mpi_check(MPI_Request_get_status(frozen.request.get(), &done, MPI_STATUS_IGNORE), "MPI_Request_get_status");
    }
  }

 private:
  /// An exchange that is set up. The library reads counts and offsets for as long as it exists.
  struct Frozen {
    RowBlocks out, in;
    const void* from = nullptr;
    void* to = nullptr;
    MpiHandle<MPI_Request, MPI_Request_free> request{MPI_REQUEST_NULL};

    bool serves(const RowBlocks& send, const RowBlocks& receive, const void* source, const void* target) const {
      return request.get() != MPI_REQUEST_NULL && from == source && to == target && out == send && in == receive;
    }
  };

  std::array<Frozen, 2> frozen_;  // by Way
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Persistent>(context));
}

constexpr const char* missing = "";

#else

constexpr std::nullptr_t make = nullptr;
constexpr const char* missing = "needs an MPI with persistent collectives (MPI 4, or Open MPI 4.1 with pcollreq)";

#endif

const DispatcherRegistration registration({"mpi-persistent", "MPI_Alltoallv_init: set up once, started for every batch",
                                           4, rows_for_mpi, make, missing});

}  // namespace
}  // namespace moeperf
