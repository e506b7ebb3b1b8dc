#pragma once

#include "comm/dispatch/row_exchange.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/mpi/row_type.hpp"

namespace moeperf {

/// What the exchanges over MPI share: the communicator, a row as an MPI datatype, the blocks of the present batch.
class MpiRowExchange : public RowExchange {
 public:
  explicit MpiRowExchange(const DispatchContext& context)
      : comm_(*context.comm), row_bytes_(context.hidden * size_bytes(context.dtype)), row_(row_bytes_) {}

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    send_ = &send;
    arrive_ = &arrive;
  }

  std::int64_t sent_bytes(Way way, int destination) const override {
    return sent(way).counts[static_cast<std::size_t>(destination)] * row_bytes_;
  }

 protected:
  const RowBlocks& sent(Way way) const { return way == Way::out ? *send_ : *arrive_; }
  const RowBlocks& received(Way way) const { return way == Way::out ? *arrive_ : *send_; }

  const Communicator& comm_;
  const std::int64_t row_bytes_;
  const RowType row_;

 private:
  const RowBlocks* send_ = nullptr;
  const RowBlocks* arrive_ = nullptr;
};

}  // namespace moeperf
