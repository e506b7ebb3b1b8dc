// mpi-padded: equal slots in MPI_Alltoall, the exchange of libraries that know no counts.
//
//   prepare: the largest block of any pair, by MPI_Allreduce; run: rows into slots of that many, MPI_Alltoall, out of
//   the slots
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
      : MpiRowExchange(context), out_(0, context.hidden, context.dtype), in_(0, context.hidden, context.dtype) {}

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    MpiRowExchange::prepare(send, arrive);
    slot_ = *std::max_element(send.counts.begin(), send.counts.end());
    mpi_check(MPI_Allreduce(MPI_IN_PLACE, &slot_, 1, MPI_INT, MPI_MAX, comm_.get()), "MPI_Allreduce");
    out_.resize(std::int64_t{slot_} * comm_.size());
    in_.resize(std::int64_t{slot_} * comm_.size());
  }

  void run(Way way, ConstRows from, Rows to) override {
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
    for (std::size_t r = 0; r < out.counts.size(); ++r) {
      copy_rows(from.slice(out.offsets[r], out.counts[r]), slot(out_, r, out.counts[r]));
    }
    mpi_check(MPI_Alltoall(out_.rows().data(), slot_, row_.get(), in_.rows().data(), slot_, row_.get(), comm_.get()),
              "MPI_Alltoall");
    for (std::size_t r = 0; r < in.counts.size(); ++r) {
      copy_rows(slot(in_, r, in.counts[r]), to.slice(in.offsets[r], in.counts[r]));
    }
  }

  std::int64_t sent_bytes(Way, int) const override { return slot_ * row_bytes_; }

 private:
  Rows slot(RowBuffer& slots, std::size_t rank, int count) const {
    return slots.rows().slice(static_cast<std::int64_t>(rank) * slot_, count);
  }

  int slot_ = 0;  ///< rows
  RowBuffer out_, in_;
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Padded>(context));
}

const Registration registration(dispatcher_registry(),
                                {"mpi-padded", "equal slots, as long as the largest block, in MPI_Alltoall", 3,
                                 host_only, make, ""});

}  // namespace
}  // namespace moeperf
