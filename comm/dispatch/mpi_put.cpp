// mpi-put: one-sided. The sender writes its rows where they belong at the receiver, which takes no part.
//
//   prepare: offsets[r] = where rank r wants my rows (MPI_Alltoall of two numbers)
//   run:     all are ready (MPI_Allreduce of a flag; the windows are made anew where a buffer moved); MPI_Put to each;
//            MPI_Win_flush_all; an empty message tells each receiver that its rows are there
//
// Passive target: the windows stay locked. Over networks with remote memory access rows need no tag matching and no
// rendezvous; over others the library plays the receiver.
//
// Cost per rank of P, beside flat_dispatcher.hpp: one more MPI_Alltoall (8·P bytes), one MPI_Allreduce each way, at
// most P − 1 puts and as many empty messages each way. No memory of its own.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/window.hpp"

#include <array>

namespace moeperf {
namespace {

class Put final : public MpiRowExchange {
 public:
  using MpiRowExchange::MpiRowExchange;

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    MpiRowExchange::prepare(send, arrive);
    const std::size_t num_ranks = send.counts.size();
    wanted_.resize(num_ranks);
    target_.resize(num_ranks);
    for (std::size_t r = 0; r < num_ranks; ++r) wanted_[r] = {arrive.offsets[r], send.offsets[r]};
    mpi_check(MPI_Alltoall(wanted_.data(), 2, MPI_INT, target_.data(), 2, MPI_INT, comm_.get()), "MPI_Alltoall");
  }

  void run(Way way, ConstRows from, Rows to) override {
    const auto w = static_cast<std::size_t>(way);
    MpiWindow& window = windows_[w];
    // Who takes part in this has also left the exchange before: its buffer is free.
    if (!comm_.all(window.offers(to.data(), to.bytes()))) {
      window = MpiWindow();
      window = MpiWindow(comm_, to.data(), to.bytes(), mpi_count(row_bytes_, "bytes of a row"));
    }
    const RowBlocks& out = sent(way);
    for (int step = 1; step < comm_.size(); ++step) {
      const int destination = (comm_.rank() + step) % comm_.size();
      const auto r = static_cast<std::size_t>(destination);
      if (out.counts[r] == 0) continue;
      mpi_check(MPI_Put(from.row_data(out.offsets[r]), out.counts[r], row_.get(), destination, target_[r][w],
                        out.counts[r], row_.get(), window.get()),
                "MPI_Put");
    }
    window.flush();
    notify(out, received(way));
    window.sync();
  }

  std::int64_t sent_bytes(Way way, int destination) const override {
    const std::int64_t offsets = way == Way::out ? 2 * sizeof(int) : 0;
    return MpiRowExchange::sent_bytes(way, destination) + offsets;
  }

 private:
  static constexpr int tag = 2;

  /// Tells the receivers of `out`, and waits for the senders of `in`.
  void notify(const RowBlocks& out, const RowBlocks& in) {
    requests_.clear();
    for (int r = 0; r < comm_.size(); ++r) {
      const auto i = static_cast<std::size_t>(r);
      if (in.counts[i] > 0) {
        mpi_check(MPI_Irecv(nullptr, 0, MPI_BYTE, r, tag, comm_.get(), &requests_.emplace_back()), "MPI_Irecv");
      }
      if (out.counts[i] > 0) {
        mpi_check(MPI_Isend(nullptr, 0, MPI_BYTE, r, tag, comm_.get(), &requests_.emplace_back()), "MPI_Isend");
      }
    }
    mpi_check(MPI_Waitall(mpi_count(requests_.size(), "messages"), requests_.data(), MPI_STATUSES_IGNORE),
              "MPI_Waitall");
  }

  using Offsets = std::array<int, 2>;     // by Way, in rows
  std::vector<Offsets> wanted_, target_;  // [P]: where others' rows go here; where mine go there
  std::array<MpiWindow, 2> windows_;      // by Way
  std::vector<MPI_Request> requests_;
};

std::optional<std::string> unsupported(const DispatchContext& context) {
  if (auto reason = host_only(context)) return reason;
  return why_no_windows(*context.comm);
}

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Put>(context));
}

const Registration registration(dispatcher_registry(),
                                {"mpi-put", "one-sided: MPI_Put to where the rows belong, flush, notify", 2,
                                 unsupported, make, ""});

}  // namespace
}  // namespace moeperf
