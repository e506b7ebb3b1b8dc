// mpi-padded: equal slots in MPI_Alltoall, the exchange of libraries that know no counts.
//
//   prepare: the largest block of any pair, by MPI_Allreduce
//   run:     rows into slots of that many, MPI_Alltoall, out of the slots
//
// MPI_Alltoall has algorithms with log(P) messages and no counts to look at, at the price of padding: each rank sends
// P slots as long as the largest, its own included, so that imbalance turns into bytes. The slots' unused rows are
// sent as they are.
//
// Cost per rank of P, beside flat_dispatcher.hpp: one MPI_Allreduce of a number, P slots each way, two more copies of
// each row per direction. Memory: 2·P slots.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/mpi/error.hpp"

#include <algorithm>

namespace moeperf {
namespace {

class Padded final : public MpiRowExchange {
 public:
  explicit Padded(const DispatchContext& context)
      : MpiRowExchange(context), formats_{context.dispatch_format(), context.combine_format()} {}

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    MpiRowExchange::prepare(send, arrive);
    slot_ = *std::max_element(send.counts.begin(), send.counts.end());
    mpi_check(MPI_Allreduce(MPI_IN_PLACE, &slot_, 1, MPI_INT, MPI_MAX, comm_.get()), "MPI_Allreduce");
    const std::int64_t bytes = std::max(row_bytes(Way::out), row_bytes(Way::back)) * slot_ * comm_.size();
    out_.reserve(bytes);
    in_.reserve(bytes);
  }

  void start(Way way, ConstRows from, Rows to, Overlap) override {
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
    for (std::size_t r = 0; r < out.counts.size(); ++r) {
      copy_rows(from.slice(out.offsets[r], out.counts[r]), slot(way, out_, r, out.counts[r]));
    }
    mpi_check(MPI_Alltoall(out_.data(), slot_, row_type(way), in_.data(), slot_, row_type(way), comm_.get()),
              "MPI_Alltoall");
    for (std::size_t r = 0; r < in.counts.size(); ++r) {
      copy_rows(slot(way, in_, r, in.counts[r]), to.slice(in.offsets[r], in.counts[r]));
    }
  }
  void finish(Way) override {}

  RowRule row_rule() const override { return RowRule::padded; }
  std::int64_t sent_bytes(Way way, int) const override { return slot_ * row_bytes(way); }

 private:
  Rows slot(Way way, const Buffer& slots, std::size_t rank, int count) const {
    const RowFormat format = formats_[static_cast<std::size_t>(way)];
    return Rows(slots.data(), std::int64_t{slot_} * comm_.size(), format)
        .slice(static_cast<std::int64_t>(rank) * slot_, count);
  }

  int slot_ = 0;                      ///< rows
  std::array<RowFormat, 2> formats_;  // by Way
  Buffer out_, in_;
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Padded>(context));
}

const DispatcherRegistration registration({"mpi-padded", "equal slots, as long as the largest block, in MPI_Alltoall",
                                           3, host_only, make, ""},
                                          [](const ExchangeVolume& volume) {
                                            return 2 * volume.num_ranks * volume.largest_block * volume.row_bytes;
                                          });

}  // namespace
}  // namespace moeperf
