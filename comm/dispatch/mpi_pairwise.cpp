// mpi-pairwise: non-blocking messages in P − 1 shifted steps, a few at a time.
//
//   step s: send to rank + s, receive from rank − s; at most `window` steps are under way
//
// In each step every rank has one partner to send to and one to receive from, so that no receiver is hit by all at
// once, and the window bounds the messages that wait at it, whatever P. Pairs without rows send nothing.
//
// Cost per rank of P, beside flat_dispatcher.hpp: at most P − 1 messages each way, 2·window requests.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/dispatch/rows_for_mpi.hpp"
#include "comm/mpi/error.hpp"

#include <array>
#include <limits>

namespace moeperf {
namespace {

/// Steps under way at once: enough to hide one message's start behind the others' transfer.
constexpr int window = 8;

class Pairwise final : public MpiRowExchange {
 public:
  using MpiRowExchange::MpiRowExchange;

  bool can_overlap() const override { return true; }

  void start(Way way, ConstRows from, Rows to, Overlap) override {
    way_ = way;
    from_ = from;
    to_ = to;
    step_ = 1;
    for (Steps& pair : under_way_) pair.fill(MPI_REQUEST_NULL);
    progress();
  }

  void finish(Way) override {
    for (; step_ < comm_.size(); ++step_) {
      wait(place(step_));
      begin(step_);
    }
    for (Steps& pair : under_way_) wait(pair);
  }

  void progress() override {
    for (; step_ < comm_.size(); ++step_) {
      int done = 0;
      mpi_check(MPI_Testall(2, place(step_).data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
      if (done == 0) return;
      begin(step_);
    }
  }

 private:
  using Steps = std::array<MPI_Request, 2>;  // receive, send
  struct Block {
    int first, count;
  };
  static constexpr int tag = 1;

  Steps& place(int step) { return under_way_[static_cast<std::size_t>(step % window)]; }

  void begin(int step) {
    Steps& pair = place(step);
    const int source = (comm_.rank() - step + comm_.size()) % comm_.size();
    const int destination = (comm_.rank() + step) % comm_.size();
    const auto in = block(received(way_), source), out = block(sent(way_), destination);
    if (in.count > 0) {
      mpi_check(MPI_Irecv(to_.row_data(in.first), in.count, row_type(way_), source, tag, comm_.get(), &pair[0]),
                "MPI_Irecv");
    }
    if (out.count > 0) {
      mpi_check(
          MPI_Isend(from_.row_data(out.first), out.count, row_type(way_), destination, tag, comm_.get(), &pair[1]),
          "MPI_Isend");
    }
  }

  static Block block(const RowBlocks& blocks, int rank) {
    const auto r = static_cast<std::size_t>(rank);
    return {blocks.offsets[r], blocks.counts[r]};
  }

  static void wait(Steps& pair) { mpi_check(MPI_Waitall(2, pair.data(), MPI_STATUSES_IGNORE), "MPI_Waitall"); }

  Way way_ = Way::out;
  ConstRows from_;
  Rows to_;
  int step_ = std::numeric_limits<int>::max();  ///< the next to begin
  std::array<Steps, window> under_way_;
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Pairwise>(context));
}

const DispatcherRegistration registration({"mpi-pairwise",
                                           "non-blocking messages in P-1 shifted steps, a bounded window of them", 5,
                                           rows_for_mpi, make, ""});

}  // namespace
}  // namespace moeperf
