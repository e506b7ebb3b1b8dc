#pragma once

#include "comm/dispatch/row_exchange.hpp"
#include "comm/dispatcher.hpp"
#include "comm/nccl/communicator.hpp"
#include "kernels/cuda/queue.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace moeperf {

/// Registry::Entry::unsupported_reason of the dispatchers over NCCL: every rank needs a GPU that no other has.
/// Collective.
std::optional<std::string> nccl_unsupported(const DispatchContext& context);

/// What the exchanges over NCCL share: communicator, stream, the blocks of the present batch.
///
/// Rows in CUDA's memory are exchanged where they are, on the device of the kernels. Rows on the host cross the bus:
/// the dispatcher keeps them in page-locked memory, from which they are copied to a GPU (dealt out per node), and back
/// into it when they have arrived. Only a combine on a rank with a single expert sends from the caller's own memory,
/// through the driver's page-locked buffer.
class NcclRowExchange : public RowExchange {
 public:
  explicit NcclRowExchange(const DispatchContext& context);  ///< collective

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    send_ = &send;
    arrive_ = &arrive;
  }

  MemoryResource* memory() override;
  std::string row_path() const override;

  bool can_overlap() const override { return true; }
  void finish(Way) override { nccl_.wait(queue_); }

 protected:
  const RowBlocks& sent(Way way) const { return way == Way::out ? *send_ : *arrive_; }
  const RowBlocks& received(Way way) const { return way == Way::out ? *arrive_ : *send_; }
  RowFormat format(Way way) const { return formats_[static_cast<std::size_t>(way)]; }
  std::int64_t largest_row_bytes() const { return std::max(formats_[0].bytes(), formats_[1].bytes()); }
  bool host_rows() const { return host_rows_; }

  const Communicator& comm_;

 private:
  std::array<RowFormat, 2> formats_;  // by Way
  bool host_rows_;
  const RowBlocks* send_ = nullptr;
  const RowBlocks* arrive_ = nullptr;

 protected:
  NcclCommunicator nccl_;
  CudaQueue queue_;
};

}  // namespace moeperf
