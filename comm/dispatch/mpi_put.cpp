// mpi-put: one-sided. The sender writes its rows where they belong at the receiver, which takes no part.
//
//   prepare: everybody learns where its rows belong at each receiver, and whether a window must grow (MPI_Alltoall of
//            three numbers); windows that must are made anew
//   run:     MPI_Put to each; MPI_Win_flush_all; an empty message tells each receiver that its rows are there
//
// Passive target: windows stay locked as long as they exist. Rows arrive in memory that the library allocated, and are
// read there. Over networks with remote memory access they need no tag matching and no rendezvous; over others the
// library plays the receiver. Which of its ways the library takes, and whether it keeps its word, is probed first
// (window_probe.hpp).
//
// Who may write when: rows of a dispatch are put once every receiver has come to prepare of this same dispatch, so that
// it no longer reads those of the last. Answers are put after that, too, and the receiver's last combine lies before
// it; only where a combine is repeated nothing tells that the receiver has left the last one, and all ranks meet.
//
// Cost per rank of P, beside flat_dispatcher.hpp: one more MPI_Alltoall (12·P bytes) for dispatch, at most P − 1 puts
// and as many empty messages each way. Memory: the rows that arrive each way, up to half as much again after growth.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/window.hpp"
#include "comm/mpi/window_probe.hpp"
#include "kernels/base/error.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace moeperf {
namespace {

class Put final : public MpiRowExchange {
 public:
  explicit Put(const DispatchContext& context)
      : MpiRowExchange(context), formats_{context.dispatch_format(), context.combine_format()} {}

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    MpiRowExchange::prepare(send, arrive);
    combined_ = false;
    std::array<std::int64_t, 2> needed = {arrive.num_rows * row_bytes(Way::out), send.num_rows * row_bytes(Way::back)};
    int grows = 0;
    for (const std::size_t way : {0, 1}) grows |= needed[way] > windows_[way].bytes() ? 1 << way : 0;
    told_.resize(send.counts.size());
    places_.resize(send.counts.size());
    for (std::size_t r = 0; r < told_.size(); ++r) told_[r] = {{arrive.offsets[r], send.offsets[r]}, grows};
    constexpr int numbers = sizeof(Told) / sizeof(int);
    mpi_check(MPI_Alltoall(told_.data(), numbers, MPI_INT, places_.data(), numbers, MPI_INT, comm_.get()),
              "MPI_Alltoall");
    for (const Told& told : places_) grows |= told.grows;
    if (grows == 0) return;
    std::int64_t new_bytes = 0;
    for (const std::size_t way : {0, 1}) {
      if ((grows & (1 << way)) == 0) continue;
      const std::int64_t now = windows_[way].bytes();
      new_bytes += needed[way] = needed[way] > now ? std::max(needed[way], now + now / 2) : now;
    }
    if (const auto reason = why_no_room(comm_, new_bytes)) throw UnsupportedError("mpi-put: " + *reason);
    for (const std::size_t way : {0, 1}) {
      if ((grows & (1 << way)) == 0) continue;
      windows_[way] = MpiWindow();  // before there is another
      windows_[way] = MpiWindow(comm_, needed[way]);
    }
  }

  std::optional<Rows> landing(Way way, std::int64_t num_rows) override {
    const auto w = static_cast<std::size_t>(way);
    return Rows(windows_[w].data(), num_rows, formats_[w]);
  }

  bool can_overlap() const override { return true; }

  void start(Way way, ConstRows from, Rows, Overlap) override {
    if (way == Way::back && std::exchange(combined_, true)) comm_.barrier();
    const auto w = static_cast<std::size_t>(way);
    const RowBlocks& out = sent(way);
    for (int step = 1; step < comm_.size(); ++step) {
      const int destination = (comm_.rank() + step) % comm_.size();
      const auto r = static_cast<std::size_t>(destination);
      if (out.counts[r] == 0) continue;
      windows_[w].put(from.row_data(out.offsets[r]), out.counts[r] * row_bytes(way), destination,
                      places_[r].first_row[w] * row_bytes(way));
    }
  }

  void finish(Way way) override {
    const MpiWindow& window = windows_[static_cast<std::size_t>(way)];
    if (!window.is_open()) return;  // no rank has any rows
    window.flush();
    notify(sent(way), received(way));
    window.sync();
  }

  void progress() override {
    int found = 0;
    mpi_check(MPI_Iprobe(MPI_ANY_SOURCE, tag, comm_.get(), &found, MPI_STATUS_IGNORE), "MPI_Iprobe");
  }

  std::int64_t sent_bytes(Way way, int destination) const override {
    return MpiRowExchange::sent_bytes(way, destination) + (way == Way::out ? std::int64_t{sizeof(Told)} : 0);
  }

 private:
  /// What a receiver tells a sender.
  struct Told {
    std::array<int, 2> first_row;  ///< by Way: where the sender's rows belong
    int grows;                     ///< bit 1 << way: the receiver's window must grow
  };
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

  std::array<RowFormat, 2> formats_;  // by Way
  std::vector<Told> told_, places_;   // [P]: to the others, by the others
  std::array<MpiWindow, 2> windows_;  // by Way
  std::vector<MPI_Request> requests_;
  bool combined_ = false;  // since prepare
};

std::optional<std::string> unsupported(const DispatchContext& context) {
  if (auto reason = host_only(context)) return reason;
  if (context.comm->size() == 1) return std::nullopt;  // exchanges nothing
  return why_no_windows(*context.comm);
}

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Put>(context));
}

const DispatcherRegistration registration({"mpi-put", "one-sided: MPI_Put to where the rows belong, flush, notify", 2,
                                           unsupported, make, ""},
                                          [](const ExchangeVolume& volume) {
                                            return (volume.rows_sent + volume.rows_received) * volume.row_bytes * 3 / 2;
                                          });

}  // namespace
}  // namespace moeperf
