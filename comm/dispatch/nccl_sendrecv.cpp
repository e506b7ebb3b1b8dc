// nccl-sendrecv: messages between GPUs, an ncclSend and an ncclRecv for each pair with rows, all in one group.
//
//   run: host rows only: page-locked memory → GPU; ncclGroupStart, a send and a receive per partner, ncclGroupEnd; host
//   rows only: GPU → page-locked memory. All on one stream.
//
// NCCL moves the messages of a group together, over NVLink within a node and GPUDirect RDMA between nodes where they
// are. Pairs without rows send nothing.
//
// Cost per rank of P, beside flat_dispatcher.hpp: at most P − 1 messages each way, one kernel launch. Host rows also
// cross the bus twice per direction, in at most two copies each, nothing of which overlaps the exchange: what is timed
// is then the bus as much as the network. Memory: with host rows, the copies sent and received on the GPU.

#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/nccl_row_exchange.hpp"
#include "comm/dispatch/row_runs.hpp"
#include "comm/nccl/error.hpp"
#include "kernels/cuda/memory.hpp"

#include <algorithm>

namespace moeperf {
namespace {

/// Rows up to the last of a block.
std::int64_t extent(const RowBlocks& blocks) {
  std::int64_t rows = 0;
  for_each_run(blocks, [&](std::int64_t first, std::int64_t count) { rows = std::max(rows, first + count); });
  return rows;
}

class SendReceive final : public NcclRowExchange {
 public:
  using NcclRowExchange::NcclRowExchange;

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    NcclRowExchange::prepare(send, arrive);
    if (!host_rows()) return;
    packed_.reserve(extent(send) * largest_row_bytes());
    arrived_.reserve(extent(arrive) * largest_row_bytes());
  }

  void start(Way way, ConstRows from, Rows to, Overlap) override {
    const RowBlocks& out = sent(way);
    const RowBlocks& in = received(way);
    if (!host_rows()) return exchange(out, from, in, to);
    const Rows source = on_device(way, out, way == Way::out ? packed_ : arrived_);
    const Rows target = on_device(way, in, way == Way::out ? arrived_ : packed_);
    for_each_run(out, [&](std::int64_t first, std::int64_t count) {
      queue_.copy(from.slice(first, count), source.slice(first, count));
    });
    exchange(out, source, in, target);
    for_each_run(in, [&](std::int64_t first, std::int64_t count) {
      queue_.copy(target.slice(first, count), to.slice(first, count));
    });
  }

  std::int64_t sent_bytes(Way way, int destination) const override {
    return sent(way).counts[static_cast<std::size_t>(destination)] * format(way).bytes();
  }

 private:
  Rows on_device(Way way, const RowBlocks& blocks, const Buffer& memory) const {
    return Rows(memory.data(), extent(blocks), format(way), MemorySpace::device);
  }

  void exchange(const RowBlocks& out, ConstRows from, const RowBlocks& in, Rows to) {
    nccl_.launch([&] {
      for (int step = 1; step < comm_.size(); ++step) {
        const int destination = (comm_.rank() + step) % comm_.size();
        const int source = (comm_.rank() - step + comm_.size()) % comm_.size();
        send(out, from, destination);
        receive(in, to, source);
      }
    });
  }

  void send(const RowBlocks& blocks, ConstRows rows, int destination) {
    const auto r = static_cast<std::size_t>(destination);
    if (blocks.counts[r] == 0) return;
    const ConstRows block = rows.slice(blocks.offsets[r], blocks.counts[r]);
    nccl_check(ncclSend(block.data(), static_cast<std::size_t>(block.bytes()), ncclUint8, destination, nccl_.get(),
                        queue_.get()),
               "ncclSend", nccl_.get());
  }

  void receive(const RowBlocks& blocks, Rows rows, int source) {
    const auto r = static_cast<std::size_t>(source);
    if (blocks.counts[r] == 0) return;
    const Rows block = rows.slice(blocks.offsets[r], blocks.counts[r]);
    nccl_check(
        ncclRecv(block.data(), static_cast<std::size_t>(block.bytes()), ncclUint8, source, nccl_.get(), queue_.get()),
        "ncclRecv", nccl_.get());
  }

  Buffer packed_{cuda_memory()}, arrived_{cuda_memory()};  ///< host rows on the GPU
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<SendReceive>(context));
}

const DispatcherRegistration registration({"nccl-sendrecv", "GPUs: ncclSend and ncclRecv per pair with rows, grouped",
                                           2, nccl_unsupported, make, ""});

}  // namespace
}  // namespace moeperf
