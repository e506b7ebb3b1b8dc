// dissemination: a barrier of our own, the same with every MPI library. In round k each rank tells the rank 2^k places
// on, and waits for that 2^k places back: after ⌈log2 P⌉ rounds every rank has heard of all (Hensgen, Finkel and Manber,
// 1988). Ranks leave it up to one message's latency apart.

#include "harness/synchroniser.hpp"

#include "comm/mpi/error.hpp"
#include "comm/mpi/handle.hpp"

#include <array>
#include <vector>

namespace moeperf {
namespace {

/// One round: a message of no bytes each way.
class Round {
 public:
  Round(MPI_Comm comm, int to, int from, int tag) {
    mpi_check(MPI_Recv_init(nullptr, 0, MPI_BYTE, from, tag, comm, recv_.out()), "MPI_Recv_init");
    mpi_check(MPI_Send_init(nullptr, 0, MPI_BYTE, to, tag, comm, send_.out()), "MPI_Send_init");
  }
  void run() {
    std::array<MPI_Request, 2> both{recv_.get(), send_.get()};
    mpi_check(MPI_Startall(2, both.data()), "MPI_Startall");
    mpi_check(MPI_Waitall(2, both.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  }

 private:
  using Request = MpiHandle<MPI_Request, MPI_Request_free>;
  Request recv_{MPI_REQUEST_NULL}, send_{MPI_REQUEST_NULL};
};

class DisseminationSynchroniser final : public Synchroniser {
 public:
  explicit DisseminationSynchroniser(const Communicator& comm) : comm_(comm.duplicate()) {
    const int size = comm_.size(), rank = comm_.rank();
    for (int distance = 1, round = 0; distance < size; distance *= 2, ++round)
      rounds_.emplace_back(comm_.get(), (rank + distance) % size, (rank - distance + size) % size, round);
  }
  const char* name() const override { return "dissemination"; }
  std::string_view align() override {
    for (Round& round : rounds_) round.run();
    return {};
  }

 private:
  const Communicator comm_;
  std::vector<Round> rounds_;
};

const Registration registration(synchroniser_registry(),
                                {.name = "dissemination",
                                 .summary = "an own barrier of log2(ranks) rounds before each timed part",
                                 .priority = 0,
                                 .unsupported_reason = {},
                                 .make = [](const SynchroniserContext& context) -> std::unique_ptr<Synchroniser> {
                                   return std::make_unique<DisseminationSynchroniser>(context.comm);
                                 },
                                 .missing_option = {}});

}  // namespace
}  // namespace moeperf
