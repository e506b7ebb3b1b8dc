// mpi-pairwise: non-blocking messages in P − 1 shifted steps, a few at a time.
//
//   step s: send to rank + s, receive from rank − s; at most `window` steps are under way
//
// In each step every rank has one partner to send to and one to receive from, so that no receiver is hit by all at
// once, and the window bounds the messages that wait at it, whatever P. Pairs without rows send nothing.
//
// Cost per rank of P, beside flat_dispatcher.hpp: at most P − 1 messages each way, 2·window requests.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/mpi/error.hpp"

#include <array>

namespace moeperf {
namespace {

/// Steps under way at once: enough to hide one message's start behind the others' transfer.
constexpr int window = 8;

class Pairwise final : public MpiRowExchange {
 public:
  using MpiRowExchange::MpiRowExchange;

  void run(Way way, ConstRows from, Rows to) override {
    std::array<std::array<MPI_Request, 2>, window> requests;
    for (auto& pair : requests) pair.fill(MPI_REQUEST_NULL);
    for (int step = 1; step < comm_.size(); ++step) {
      auto& pair = requests[static_cast<std::size_t>(step % window)];
      finish(pair);
      const int source = (comm_.rank() - step + comm_.size()) % comm_.size();
      const int destination = (comm_.rank() + step) % comm_.size();
      const auto in = block(received(way), source), out = block(sent(way), destination);
      if (in.count > 0) {
        mpi_check(MPI_Irecv(to.row_data(in.first), in.count, row_.get(), source, tag, comm_.get(), &pair[0]),
                  "MPI_Irecv");
      }
      if (out.count > 0) {
        mpi_check(MPI_Isend(from.row_data(out.first), out.count, row_.get(), destination, tag, comm_.get(), &pair[1]),
                  "MPI_Isend");
      }
    }
    for (auto& pair : requests) finish(pair);
  }

 private:
  struct Block {
    int first, count;
  };
  static constexpr int tag = 1;

  static Block block(const RowBlocks& blocks, int rank) {
    const auto r = static_cast<std::size_t>(rank);
    return {blocks.offsets[r], blocks.counts[r]};
  }

  static void finish(std::array<MPI_Request, 2>& pair) {
    mpi_check(MPI_Waitall(2, pair.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  }
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Pairwise>(context));
}

const Registration registration(dispatcher_registry(),
                                {"mpi-pairwise", "non-blocking messages in P-1 shifted steps, a bounded window of them",
                                 5, host_only, make, ""});

}  // namespace
}  // namespace moeperf
