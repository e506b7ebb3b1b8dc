// ucx-put: every rank writes its rows into the receivers' memory, at the place where they belong (UCX, one-sided).
//
//   prepare: if memory must grow: allocate, register; MPI_Alltoall of where each block goes and of whether anybody
//            grew, in which case also the remote keys go round
//   run:     per destination ucp_put_nbx of the block, ucp_ep_flush_nbx, and then a notice, an active message;
//            wait for the notices of all that send here
//
// The notice follows a flush, after which the rows are in the receiver's memory by UCX's contract on any transport. A
// flag written behind the rows would save the flush's round trip, but fences order writes only where a transport
// writes both the same way, and a polled flag needs what the memory model of no transport but InfiniBand's promises.
//
// No rank can overtake another. Out and back have memory of their own. A rank writes for the first exchange of a batch
// after prepare's MPI_Alltoall, which it leaves when all have entered it: by then they are through with the batch
// before, rows and expert outputs. Who repeats an exchange of the same batch waits for a word from each destination
// that its memory is free again (another small message). Notices are counted per source: one that comes early is that
// of rows which are there already, and counts for the exchange in which they are expected.
//
// A rank whose own rows are through may still be needed by others' (see ucx_am.cpp), and in MPI it makes no progress
// here: run ends with an MPI_Ibarrier under progress.
//
// Cost per rank of P, beside flat_dispatcher.hpp: one MPI_Alltoall (24 bytes a rank) for dispatch, a round trip for the
// flush, a barrier each way, at most P − 1 blocks and as many notices each way. Rows are received without a copy.
// Memory: a second time the copies sent and received, up to half more after growing.

#include "comm/dispatch/chunks.hpp"
#include "comm/dispatch/flat_dispatcher.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/mpi_row_exchange.hpp"
#include "comm/dispatch/tally.hpp"
#include "comm/mpi/error.hpp"
#include "comm/ucx/connection.hpp"
#include "comm/ucx/error.hpp"
#include "comm/ucx/memory.hpp"
#include "kernels/base/error.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace moeperf {
namespace {

constexpr std::int64_t most_in_one_put = std::int64_t{1} << 30;

class Put final : public MpiRowExchange {
 public:
  explicit Put(const DispatchContext& context)
      : MpiRowExchange(context),
        formats_{context.dispatch_format(), context.combine_format()},
        rank_(comm_.rank()),
        places_here_(static_cast<std::size_t>(comm_.size())),
        places_there_(places_here_.size()),
        arrivals_(comm_.size()),
        free_places_(comm_.size()),
        ucx_(comm_) {
    ucx_->on_message(rows_are_there, [this](const UcxMessage& message) { return count(arrivals_, message); });
    ucx_->on_message(place_is_free, [this](const UcxMessage& message) { return count(free_places_, message); });
  }

  void prepare(const RowBlocks& send, const RowBlocks& arrive) override {
    MpiRowExchange::prepare(send, arrive);
    runs_ = {};
    const std::int64_t out_bytes = arrive.num_rows * row_bytes(Way::out);
    const std::int64_t back_begin = (out_bytes / UcxMemory::alignment + 1) * UcxMemory::alignment;
    std::string failure;  // told to all with the places, since the others wait for this rank's
    std::int64_t state = Place::kept;
    try {
      if (reserve(back_begin + send.num_rows * row_bytes(Way::back))) state = Place::grew;
      landings_ = {memory_->data(), memory_->data() + back_begin};
    } catch (const UcxError& error) {
      failure = error.what();
      state = Place::failed;
    }
    for (std::size_t r = 0; r < places_here_.size(); ++r) {
      places_here_[r] = {{}, state};
      if (state != Place::failed) places_here_[r].address = {block_address(Way::out, r), block_address(Way::back, r)};
    }
    constexpr int bytes = sizeof(Place);
    mpi_check(MPI_Alltoall(places_here_.data(), bytes, MPI_BYTE, places_there_.data(), bytes, MPI_BYTE, comm_.get()),
              "MPI_Alltoall");
    const auto any_is = [&](std::int64_t wanted) {
      return std::any_of(places_there_.begin(), places_there_.end(),
                         [&](const Place& place) { return place.state == wanted; });
    };
    if (any_is(Place::failed)) throw Error("ucx-put: " + comm_.first_reason(failure).value_or("no memory"));
    if (any_is(Place::grew)) exchange_keys();
  }

  std::optional<Rows> landing(Way way, std::int64_t num_rows) override {
    const auto w = static_cast<std::size_t>(way);
    return Rows(landings_[w], num_rows, formats_[w]);
  }

  bool can_overlap() const override { return true; }

  void start(Way way, ConstRows from, Rows, Overlap) override {
    way_ = way;
    from_ = from;
    const bool repeated = ++runs_[static_cast<std::size_t>(way)] > 1;
    for (int step = 1; step < comm_.size(); ++step) {
      const int source = (rank_ - step + comm_.size()) % comm_.size();
      const int destination = (rank_ + step) % comm_.size();
      if (rows_from(source) > 0) {
        arrivals_.expect(source);
        if (repeated) words_.push_back(notify(source, place_is_free));
      }
      if (rows_for(destination) > 0) {
        if (repeated) free_places_.expect(destination);
        outgoing_.push_back({destination, Stage::held, {}});
      }
    }
    progress();
  }

  void progress() override {
    ucx_->progress();
    advance();
  }

  void finish(Way) override {
    ucx_->wait([this] { return advance() && all_done(words_) && arrivals_.missing() == 0; });
    ucx_->meet();
  }

  std::int64_t sent_bytes(Way way, int destination) const override {
    const auto there = static_cast<std::size_t>(destination);
    const std::int64_t rows = sent(way).counts[there];
    std::int64_t bytes = rows * row_bytes(way) + (way == Way::out ? std::int64_t{sizeof(Place)} : 0);
    if (rows > 0) bytes += sizeof(rank_);
    if (runs_[static_cast<std::size_t>(way)] > 1 && received(way).counts[there] > 0) bytes += sizeof(rank_);
    return bytes;
  }

 private:
  enum Notice : unsigned { rows_are_there = 1, place_is_free };

  /// Where a block goes.
  struct Place {
    std::array<std::uint64_t, 2> address;                          // by Way
    std::int64_t state;                                            ///< of the memory
    static constexpr std::int64_t kept = 0, grew = 1, failed = 2;  ///< grew: the remote key is a new one, too
  };

  enum class Stage : std::uint8_t { held, flushing, notifying };
  struct Outgoing {
    int destination;
    Stage stage;
    UcxRequest request;
  };

  int rows_from(int source) const { return received(way_).counts[static_cast<std::size_t>(source)]; }
  int rows_for(int destination) const { return sent(way_).counts[static_cast<std::size_t>(destination)]; }

  std::uint64_t block_address(Way way, std::size_t source) const {
    const std::byte* first = landings_[static_cast<std::size_t>(way)];
    return reinterpret_cast<std::uintptr_t>(first + received(way).offsets[source] * row_bytes(way));
  }

  /// Whether there is new memory. Nobody writes the old one any more, nor reads it.
  bool reserve(std::int64_t bytes) {
    const std::int64_t had = memory_ ? memory_->bytes() : 0;
    if (memory_ && had >= bytes) return false;
    memory_.reset();
    memory_ = std::make_unique<UcxMemory>(ucx_->context(), std::max(bytes, had + had / 2));
    return true;
  }

  void exchange_keys() {
    keys_.clear();
    const std::vector<std::string> keys = comm_.all_gather(memory_->key());
    for (int rank = 0; rank < comm_.size(); ++rank) {
      const std::string& key = keys[static_cast<std::size_t>(rank)];
      keys_.push_back(rank == rank_ ? UcxRemoteKey() : UcxRemoteKey(ucx_->to(rank), key));
    }
  }

  /// Takes every block as far as it goes now; true when all are through.
  bool advance() {
    outgoing_.erase(std::remove_if(outgoing_.begin(), outgoing_.end(), [this](Outgoing& one) { return through(one); }),
                    outgoing_.end());
    return outgoing_.empty();
  }

  bool through(Outgoing& one) {
    if (one.stage == Stage::held) {
      if (!free_places_.met(one.destination)) return false;
      one.request = put_block(one.destination);
      one.stage = Stage::flushing;
    }
    if (one.stage == Stage::flushing) {
      if (!one.request.done()) return false;
      one.request = notify(one.destination, rows_are_there);
      one.stage = Stage::notifying;
    }
    return one.request.done();
  }

  /// Done when the block is in the destination's memory.
  UcxRequest put_block(int destination) {
    const auto there = static_cast<std::size_t>(destination);
    const ucp_ep_h endpoint = ucx_->to(destination);
    const std::byte* block = from_.row_data(sent(way_).offsets[there]);
    const std::uint64_t address = places_there_[there].address[static_cast<std::size_t>(way_)];
    const Chunks chunks{rows_for(destination) * row_bytes(way_), most_in_one_put};
    for (std::int64_t i = 0; i < chunks.count(); ++i) {
      const Chunk chunk = chunks.at(i);
      const auto offset = static_cast<std::uint64_t>(chunk.offset);
      UcxRequest(ucp_put_nbx(endpoint, block + chunk.offset, static_cast<std::size_t>(chunk.bytes), address + offset,
                             keys_[there].get(), &ucx_no_options),
                 "ucp_put_nbx");  // the flush waits for it
    }
    return {ucp_ep_flush_nbx(endpoint, &ucx_no_options), "ucp_ep_flush_nbx"};
  }

  UcxRequest notify(int rank, Notice notice) { return ucx_->send(rank, notice, &rank_, sizeof(rank_), nullptr, 0); }

  static ucs_status_t count(Tally& tally, const UcxMessage& message) {
    std::int32_t rank = 0;
    std::memcpy(&rank, message.header, sizeof(rank));  // which UCX does not align
    tally.arrive(rank);
    return UCS_OK;
  }

  std::array<RowFormat, 2> formats_;  // by Way
  std::int32_t rank_;                 ///< a notice's header
  std::vector<Place> places_here_;    ///< [P], of the blocks that come here
  std::vector<Place> places_there_;   ///< [P], of the blocks that go out
  std::array<int, 2> runs_{};         // by Way, since prepare
  Tally arrivals_, free_places_;
  UcxConnection ucx_;  // outlives what follows
  std::unique_ptr<UcxMemory> memory_;
  std::array<std::byte*, 2> landings_{};  // by Way, within memory_
  std::vector<UcxRemoteKey> keys_;        ///< [P]
  Way way_ = Way::out;
  ConstRows from_;
  std::vector<Outgoing> outgoing_;
  std::vector<UcxRequest> words_;
};

std::optional<std::string> unsupported(const DispatchContext& context) {
  if (auto reason = host_only(context)) return reason;
  return UcxConnection::impossible(*context.comm);
}

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return make_flat_dispatcher(context, std::make_unique<Put>(context));
}

const DispatcherRegistration registration({"ucx-put", "UCX: rows written straight into the receivers' memory", 7,
                                           unsupported, make, ""},
                                          [](const ExchangeVolume& volume) {
                                            return (volume.rows_sent + volume.rows_received) * volume.row_bytes * 3 / 2;
                                          });

}  // namespace
}  // namespace moeperf
