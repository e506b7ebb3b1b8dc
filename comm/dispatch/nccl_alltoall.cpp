// nccl-alltoall: equal slots between GPUs in ncclAlltoAll, as mpi-padded over MPI.
//
//   prepare: the largest block of any pair, by MPI_Allreduce
//   run:     rows into slots of that many on the GPU, ncclAlltoAll, out of the slots; all on one stream
//
// NCCL's collective needs no counts and may use what point-to-point calls cannot (copy engines, symmetric memory), at
// the price of padding: each rank sends P slots as long as the largest, its own included, so that imbalance turns into
// bytes. The slots' unused rows are sent as they are.
//
// Cost per rank of P, beside flat_dispatcher.hpp: one MPI_Allreduce of a number, P slots each way, 2·(P − 1) copies of
// blocks per direction: within the GPU, or, with host rows, across the bus, which is then timed as well. Memory: 2·P
// slots on the GPU.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/nccl_row_exchange.hpp"
#include "comm/mpi/error.hpp"
#include "comm/nccl/error.hpp"
#include "kernels/cuda/memory.hpp"

#include <algorithm>

namespace moeperf {
namespace {

class AllToAll final : public NcclRowExchange {
 public:
  using NcclRowExchange::NcclRowExchange;

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    NcclRowExchange::prepare(send, arrive);
    slot_ = *std::max_element(send.counts.begin(), send.counts.end());
    mpi_check(MPI_Allreduce(MPI_IN_PLACE, &slot_, 1, MPI_INT, MPI_MAX, comm_.get()), "MPI_Allreduce");
    const std::int64_t bytes = largest_row_bytes() * slot_ * comm_.size();
    out_.reserve(bytes);
    in_.reserve(bytes);
  }

  void start(Way way, ConstRows from, Rows to, Overlap) override {
    if (slot_ == 0) return;
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
    for (std::size_t r = 0; r < out.counts.size(); ++r) {
      queue_.copy(from.slice(out.offsets[r], out.counts[r]), slot(way, out_, r, out.counts[r]));
    }
    const auto bytes = static_cast<std::size_t>(slot_ * format(way).bytes());
    nccl_.launch([&] {
      nccl_check(ncclAlltoAll(out_.data(), in_.data(), bytes, ncclUint8, nccl_.get(), queue_.get()), "ncclAlltoAll",
                 nccl_.get());
    });
    for (std::size_t r = 0; r < in.counts.size(); ++r) {
      queue_.copy(slot(way, in_, r, in.counts[r]), to.slice(in.offsets[r], in.counts[r]));
    }
  }

  RowRule row_rule() const override { return RowRule::padded; }
  std::int64_t sent_bytes(Way way, int) const override { return slot_ * format(way).bytes(); }

 private:
  Rows slot(Way way, const Buffer& slots, std::size_t rank, int count) const {
    return Rows(slots.data(), std::int64_t{slot_} * comm_.size(), format(way), MemorySpace::device)
        .slice(static_cast<std::int64_t>(rank) * slot_, count);
  }

  int slot_ = 0;  ///< rows
  Buffer out_{cuda_memory()}, in_{cuda_memory()};
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<AllToAll>(context));
}

const DispatcherRegistration registration({"nccl-alltoall",
                                           "GPUs: equal slots, as long as the largest block, in ncclAlltoAll", 1,
                                           nccl_unsupported, make, ""});

}  // namespace
}  // namespace moeperf
