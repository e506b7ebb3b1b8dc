#pragma once

#include "comm/dispatch/row_exchange.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/mpi/row_type.hpp"

#include <array>

namespace moeperf {

/// What the exchanges over MPI share: the communicator, rows as MPI datatypes, the blocks of the present batch.
class MpiRowExchange : public RowExchange {
 public:
  explicit MpiRowExchange(const DispatchContext& context)
      : comm_(*context.comm),
        device_rows_(context.kernels->memory().space() == MemorySpace::device),
        row_bytes_{context.dispatch_format().bytes(), context.combine_format().bytes()},
        row_types_{RowType(row_bytes_[0]), RowType(row_bytes_[1])} {}

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    send_ = &send;
    arrive_ = &arrive;
  }

  std::string row_path() const override {
    return device_rows_ ? "device, handed to MPI as they are (it says that it is device-aware)" : "host";
  }

  std::int64_t sent_bytes(Way way, int destination) const override {
    return sent(way).counts[static_cast<std::size_t>(destination)] * row_bytes(way);
  }

 protected:
  const RowBlocks& sent(Way way) const { return way == Way::out ? *send_ : *arrive_; }
  const RowBlocks& received(Way way) const { return way == Way::out ? *arrive_ : *send_; }
  std::int64_t row_bytes(Way way) const { return row_bytes_[static_cast<std::size_t>(way)]; }
  MPI_Datatype row_type(Way way) const { return row_types_[static_cast<std::size_t>(way)].get(); }

  const Communicator& comm_;

 private:
  bool device_rows_;
  std::array<std::int64_t, 2> row_bytes_;  // by Way
  std::array<RowType, 2> row_types_;       // by Way
  const RowBlocks* send_ = nullptr;
  const RowBlocks* arrive_ = nullptr;
};

}  // namespace moeperf
