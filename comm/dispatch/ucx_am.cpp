// ucx-am: rows travel as active messages (UCX), each of which says where it belongs.
//
//   run: ucp_am_send_nbx of each block, at least one message to every rank, in P − 1 shifted steps; the receiver's
//        callback copies short messages to their place, and has long ones fetched there (rendezvous, no copy)
//
// Every rank sends to every other, a mere header where it has no rows: who has heard from all knows that all have begun
// this exchange and are through with the one before. So a rank can be one exchange ahead of another and no more. What
// comes for an exchange that has not begun here is held until it does: at most one exchange's messages, of which long
// ones wait at their sender.
//
// A rank whose own messages are through may still be needed: some transports finish what they took for sent only while
// the sender makes progress, and a rank that waits in MPI makes none. With 32 ranks on two cores a flush of the worker
// was seen not to be enough. So nobody leaves before all are done: run ends with an MPI_Ibarrier under progress.
//
// Cost per rank of P, beside flat_dispatcher.hpp: P − 1 messages and a barrier each way, each with a header of 24
// bytes; long blocks are cut into several. A handshake per long message, a copy per short one.

#include "comm/dispatch/chunks.hpp"
#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/ucx/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace moeperf {
namespace {

/// Long enough to hide a handshake, short enough for any transport.
constexpr std::int64_t most_in_one_message = std::int64_t{16} << 20;

class ActiveMessages final : public MpiRowExchange {
 public:
  explicit ActiveMessages(const DispatchContext& context) : MpiRowExchange(context), ucx_(comm_) {
    ucx_->on_message(rows_id, [this](const UcxMessage& message) { return receive(message); });
  }

  ~ActiveMessages() override {
    for (const Held& held : held_) {
      if (held.data != nullptr) ucp_am_data_release(ucx_->worker().get(), held.data);
    }
  }

  bool can_overlap() const override { return true; }

  void start(Way way, ConstRows from, Rows to, Overlap) override {
    way_ = way;
    to_ = to;
    ++exchange_;
    awaited_ = 0;
    std::size_t num_sends = 0;
    for (int rank = 0; rank < comm_.size(); ++rank) {
      if (rank == comm_.rank()) continue;
      awaited_ += num_messages(block_bytes(received(way), rank));
      num_sends += static_cast<std::size_t>(num_messages(block_bytes(sent(way), rank)));
    }
    headers_.clear();
    headers_.reserve(num_sends);  // UCX reads them where they are
    for (int step = 1; step < comm_.size(); ++step) send_block((comm_.rank() + step) % comm_.size(), from);
    std::vector<Held> held;
    held.swap(held_);
    for (const Held& one : held) take(one);
    progress();
  }

  void progress() override { ucx_->progress(); }

  void finish(Way) override {
    ucx_->wait([this] { return awaited_ == 0 && all_done(sends_) && all_done(fetches_); });
    ucx_->meet();
  }

  std::int64_t sent_bytes(Way way, int destination) const override {
    const std::int64_t bytes = sent(way).counts[static_cast<std::size_t>(destination)] * row_bytes(way);
    return bytes + num_messages(bytes) * std::int64_t{sizeof(Header)};
  }

 private:
  static constexpr unsigned rows_id = 1;

  struct Header {
    std::int64_t exchange;  ///< of this object, counted from 1
    std::int64_t offset;    ///< in bytes, within the block
    std::int64_t source;
  };

  /// A message that came before its exchange began: its data kept by UCX, or copied.
  struct Held {
    Header header;
    UcxMessage message;
    void* data;  ///< kept by UCX
    std::vector<std::byte> copy;
  };

  static std::int64_t num_messages(std::int64_t bytes) {
    return std::max<std::int64_t>(1, Chunks{bytes, most_in_one_message}.count());
  }

  std::int64_t block_bytes(const RowBlocks& blocks, int rank) const {
    return blocks.counts[static_cast<std::size_t>(rank)] * row_bytes(way_);
  }

  void send_block(int destination, ConstRows from) {
    const std::byte* block = from.row_data(sent(way_).offsets[static_cast<std::size_t>(destination)]);
    const std::int64_t bytes = block_bytes(sent(way_), destination);
    const Chunks chunks{bytes, most_in_one_message};
    for (std::int64_t i = 0; i < num_messages(bytes); ++i) {
      const Chunk chunk = chunks.at(i);
      headers_.push_back({exchange_, chunk.offset, comm_.rank()});
      sends_.push_back(ucx_->send(destination, rows_id, &headers_.back(), sizeof(Header), block + chunk.offset,
                                  static_cast<std::size_t>(chunk.bytes)));
    }
  }

  ucs_status_t receive(const UcxMessage& message) {
    Header header;
    std::memcpy(&header, message.header, sizeof(header));
    if (header.exchange == exchange_) {
      place(header, message);
      return UCS_OK;
    }
    if (message.must_fetch || message.may_keep) {
      held_.push_back({header, message, message.data, {}});
      return UCS_INPROGRESS;
    }
    const auto* data = static_cast<const std::byte*>(message.data);
    held_.push_back({header, message, nullptr, std::vector<std::byte>(data, data + message.bytes)});
    return UCS_OK;
  }

  void take(const Held& held) {
    UcxMessage message = held.message;
    if (held.data == nullptr) message.data = const_cast<std::byte*>(held.copy.data());
    place(held.header, message);
    if (held.data != nullptr && !message.must_fetch) ucp_am_data_release(ucx_->worker().get(), held.data);
  }

  /// Brings a message of the present exchange to its place.
  void place(const Header& header, const UcxMessage& message) {
    const auto bytes = static_cast<std::int64_t>(message.bytes);
    const auto source = static_cast<std::size_t>(header.source);
    const std::int64_t block =
        header.source < comm_.size() ? block_bytes(received(way_), static_cast<int>(source)) : -1;
    if (header.exchange != exchange_ || header.offset + bytes > block) {
      throw Error(
          fmt::format("ucx-am: bytes [{}, {}) of rank {} for exchange {} came in exchange {}, whose block has {}",
                      header.offset, header.offset + bytes, header.source, header.exchange, exchange_, block));
    }
    --awaited_;
    if (bytes == 0) return;
    std::byte* to = to_.row_data(received(way_).offsets[source]) + header.offset;
    if (message.must_fetch) {
      fetches_.emplace_back(
          ucp_am_recv_data_nbx(ucx_->worker().get(), message.data, to, message.bytes, &ucx_no_options),
          "ucp_am_recv_data_nbx");
    } else {
      std::memcpy(to, message.data, message.bytes);
    }
  }

  UcxConnection ucx_;
  Way way_ = Way::out;
  Rows to_;
  std::int64_t exchange_ = 0;
  std::int64_t awaited_ = 0;  ///< messages
  std::vector<Header> headers_;
  std::vector<UcxRequest> sends_, fetches_;
  std::vector<Held> held_;
};

std::optional<std::string> unsupported(const DispatchContext& context) {
  if (auto reason = host_only(context)) return reason;
  return UcxConnection::impossible(*context.comm);
}

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<ActiveMessages>(context));
}

const DispatcherRegistration registration({"ucx-am", "UCX: rows as active messages, long ones by rendezvous", 6,
                                           unsupported, make, ""});

}  // namespace
}  // namespace moeperf
