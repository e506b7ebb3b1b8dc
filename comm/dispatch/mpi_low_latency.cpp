// mpi-low-latency: for decode. Rows go straight into a slot that the receiver keeps for their source, a flag follows
// them, and no counts are exchanged first.
//
//   dispatch: sort the copies by expert; per rank on the node: gather from x into its slot, raise the flag there; per
//             rank elsewhere: pack, MPI_Put, and once flushed send the flag; wait for everybody's flag; gather from the
//             slots (own rows: from x) into groups by local expert
//   combine:  the mirror: answers into the places of their copies at the token's source, flag; wait for everybody's;
//             weighted sum over those places
//
// A flag carries how many rows there are for each local expert and where their copies begin at the source, which is
// where the answers go. Rows for all experts of a rank share one slot, since the sender has counted before it sends;
// where GPU threads place rows as they come upon them (DeepEP's low-latency kernels), each expert has a slot per source
// as long as the batch.
//
// Who may write when: slots and places for answers exist twice and alternate with the exchange's number, dispatches and
// combines counted apart. In every exchange each rank raises a flag at each other, rows or none, and waits for all. A
// source that starts dispatch i + 2 has thus seen the receiver's flag of dispatch i + 1, which the receiver raised
// after it had gathered dispatch i out of the slots that are now written again; combine i + 2 likewise follows the
// source's flag of combine i + 1, raised after its sum of combine i. Nothing in this needs dispatch and combine to
// alternate: each may be repeated without the other. Nobody gets more than one exchange ahead.
//
// Cost per rank of P with L experts, n ranks on its node: each way P − n puts, P − n messages ((1+L)·4 bytes out, none
// back), P − 1 flags in all; on one node no MPI message. Rows on the node are copied once by the sender and once into
// their groups, answers once; rows elsewhere once more on both sides.
// Memory: for T tokens at most, rows of B bytes, 2·(P−1)·T·min(K,L)·B for dispatch and 2·T·K·B for combine, both in
// shared memory for sources on the node and in a window for others. Large: it grows with the ranks, filled or not.

#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/slot_flags.hpp"
#include "comm/dispatch/slot_groups.hpp"
#include "comm/dispatch/slot_layout.hpp"
#include "comm/dispatch/wire_bytes.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/window.hpp"
#include "comm/mpi/window_probe.hpp"
#include "kernels/base/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

/// A rank's area in its node's memory: slots for the other ranks there, and all its answers.
SlotLayout layout_on_node(const DispatchContext& context) {
  const Placement placement(context.num_experts, context.comm->size());
  return {.num_sources = context.comm->ranks_on_node() - 1,
          .slot_rows = SlotLayout::most_rows(context.max_tokens, context.top_k, placement.num_local(0)),
          .row_bytes = context.dispatch_format().bytes(),
          .answer_rows = context.max_tokens * context.top_k,
          .answer_bytes = context.combine_format().bytes()};
}

/// A node's ranks' areas begin with a page.
std::int64_t area_bytes(const SlotLayout& layout) { return (layout.bytes() + 4095) / 4096 * 4096; }

/// A rank's window, for what comes from other nodes.
SlotLayout layout_from_elsewhere(SlotLayout on_node, const Communicator& comm, int rank) {
  const int node = comm.node_of_rank()[static_cast<std::size_t>(rank)];
  on_node.num_sources = comm.size() - static_cast<std::int64_t>(comm.ranks_of_node(node).size());
  return on_node;
}

/// Where a rank's copies begin at their source, and how many there are for each expert.
std::int64_t flag_words(const DispatchContext& context) {
  return 1 + Placement(context.num_experts, context.comm->size()).num_local(0);
}

class LowLatency final : public Dispatcher {
 public:
  explicit LowLatency(const DispatchContext& context)
      : comm_(*context.comm),
        placement_(context.num_experts, comm_.size()),
        permuter_(context.kernels->make_permuter()),
        max_tokens_(context.max_tokens),
        out_(context.dispatch_format()),
        back_(context.combine_format()),
        width_(placement_.num_local(0)),
        counts_(static_cast<std::size_t>(comm_.size() * width_)),
        words_(static_cast<std::size_t>(flag_words(context))),
        flags_(comm_, flag_words(context)),
        node_memory_(comm_) {
    mpi_count(max_tokens_ * context.top_k, "rows");
    node_layout_ = layout_on_node(context);
    find_peers();
    if (comm_.size() == 1) return;
    node_memory_.reserve(comm_.ranks_on_node() * area_bytes(node_layout_));
    if (comm_.num_nodes() > 1) window_ = MpiWindow(comm_, layout_elsewhere(comm_.rank()).bytes());
  }

  ReceivedTokens dispatch(ConstRows x, const Routing& routing) override {
    start_dispatch(x, routing);
    return finish_dispatch();
  }

  void combine(ConstRows expert_out, Rows out) override {
    start_combine(expert_out);
    finish_combine(out);
  }

  RowRule row_rule() const override { return RowRule::copies; }

  bool can_split() const override { return true; }

  void start_dispatch(ConstRows x, const Routing& routing) override {
    require_room("tokens", routing.num_tokens, max_tokens_);
    x_ = x;
    routing_ = &routing;
    permuter_->plan(routing.topk_idx, routing.num_tokens, routing.top_k, placement_.num_experts(), packing_);
    const std::span tokens(packing_.token_of_slot);
    flags_.begin(Way::out);
    const int parity = flags_.parity(Way::out);
    if (window_.is_open()) packed_.reserve(packing_.num_slots() * out_.bytes());
    for (const int rank : others_) {
      const Block copies = copies_for(rank);
      const Peer& peer = peers_[index(rank)];
      require_room("copies for one rank", copies.count, node_layout_.slot_rows);
      const auto source = tokens.subspan(index(copies.first), index(copies.count));
      if (peer.on_node()) {
        gather(x_, source, {area(peer) + node_layout_.slot(parity, peer.my_slot), copies.count, out_});
        raise_out(rank);
      } else if (copies.count > 0) {
        const Rows block = Rows(packed_.data(), packing_.num_slots(), out_).slice(copies.first, copies.count);
        gather(x_, source, block);
        window_.put(block.data(), block.bytes(), rank, layout_elsewhere(rank).slot(parity, peer.my_slot));
      }
    }
  }

  ReceivedTokens finish_dispatch() override {
    complete([&](int rank) { raise_out(rank); });
    read_flags();
    group();
    return {Rows(grouped_.data(), groups_.num_rows(), out_), groups_.offsets};
  }

  void start_combine(ConstRows expert_out) override {
    combined_ = true;
    flags_.begin(Way::back);
    const int parity = flags_.parity(Way::back);
    if (window_.is_open()) packed_.reserve(groups_.num_rows() * back_.bytes());
    for (const int rank : others_) {
      const Peer& peer = peers_[index(rank)];
      const auto source = groups_.grouped_from(rank);
      const auto count = static_cast<std::int64_t>(source.size());
      const std::int64_t place = peer.first_copy * back_.bytes();
      if (peer.on_node()) {
        gather(expert_out, source, {area(peer) + node_layout_.answers(parity) + place, count, back_});
        flags_.raise(rank, {});
      } else if (count > 0) {
        const Rows block =
            Rows(packed_.data(), groups_.num_rows(), back_).slice(groups_.first_arrived[index(rank)], count);
        gather(expert_out, source, block);
        window_.put(block.data(), block.bytes(), rank, layout_elsewhere(rank).answers(parity) + place);
      }
    }
    if (is_alone()) {
      answers_ = expert_out;  // grouped order is packed order
      return;
    }
    answers_ = own_answers();
    const Block own = copies_for(comm_.rank());
    gather(expert_out, groups_.grouped_from(comm_.rank()), own_answers().slice(own.first, own.count));
  }

  void finish_combine(Rows out) override {
    complete([&](int rank) { flags_.raise(rank, {}); });
    if (window_.is_open()) take_answers_from_elsewhere();
    permuter_->weighted_sum(answers_, packing_.slot_of_copy, routing_->topk_weights, routing_->top_k, out);
  }

  void progress() override { flags_.arrived(); }

  WireBytes dispatch_bytes() const override {
    if (routing_ == nullptr) return {};
    return booked(Way::out, [&](int rank) { return copies_for(rank).count * out_.bytes(); });
  }

  WireBytes combine_bytes() const override {
    if (!combined_) return {};
    return booked(Way::back, [&](int rank) { return groups_.num_from(rank) * back_.bytes(); });
  }

 private:
  using Way = RowExchange::Way;
  struct Block {
    std::int64_t first, count;
  };
  struct Peer {
    int place_on_node = -1;       ///< −1: on another node
    std::int64_t my_slot = 0;     ///< this rank's among the peer's, in the node's memory or the window
    std::int64_t its_slot = 0;    ///< the peer's here
    std::int64_t first_copy = 0;  ///< where its copies for this rank begin in its packed order
    bool on_node() const { return place_on_node >= 0; }
  };

  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }
  bool is_alone() const { return comm_.size() == 1; }

  void find_peers() {
    const std::vector<int>& node_of_rank = comm_.node_of_rank();
    // Slots of sources on the node lie in its memory, those of others in the window, in rank order without the owner.
    const auto slot_at = [&](int owner, int source) {
      const bool same_node = node_of_rank[index(owner)] == node_of_rank[index(source)];
      return std::count_if(node_of_rank.begin(), node_of_rank.begin() + source,
                           [&](int node) { return (node == node_of_rank[index(owner)]) == same_node; }) -
             (same_node && owner < source ? 1 : 0);
    };
    peers_.resize(index(comm_.size()));
    for (int rank = 0; rank < comm_.size(); ++rank) {
      Peer& peer = peers_[index(rank)];
      const std::vector<int>& neighbours = comm_.ranks_of_node(comm_.node());
      const auto found = std::find(neighbours.begin(), neighbours.end(), rank);
      if (found != neighbours.end()) peer.place_on_node = static_cast<int>(found - neighbours.begin());
      peer.my_slot = slot_at(rank, comm_.rank());
      peer.its_slot = slot_at(comm_.rank(), rank);
    }
    // Those elsewhere first: the network works while rows for the node are copied.
    for (const bool on_node : {false, true}) {
      for (int step = 1; step < comm_.size(); ++step) {
        const int rank = (comm_.rank() + step) % comm_.size();
        if (peers_[index(rank)].on_node() == on_node) others_.push_back(rank);
      }
    }
  }

  void require_room(const char* what, std::int64_t count, std::int64_t room) const {
    if (count <= room) return;
    throw Error(fmt::format("mpi-low-latency has room for {} {}, rank {} has {}", room, what, comm_.rank(), count));
  }

  std::byte* area(const Peer& peer) const {
    return node_memory_.data() + peer.place_on_node * area_bytes(node_layout_);
  }

  SlotLayout layout_elsewhere(int rank) const { return layout_from_elsewhere(node_layout_, comm_, rank); }

  /// Where the copies for a rank's experts lie in packed order.
  Block copies_for(int rank) const {
    const std::int64_t first = packing_.offsets[index(placement_.first_expert(rank))];
    return {first, packing_.offsets[index(placement_.first_expert(rank + 1))] - first};
  }

  /// In packed order, of the present combine.
  Rows own_answers() const {
    return {area(peers_[index(comm_.rank())]) + node_layout_.answers(flags_.parity(Way::back)), packing_.num_slots(),
            back_};
  }

  void raise_out(int rank) {
    const std::int32_t first = placement_.first_expert(rank), last = placement_.first_expert(rank + 1);
    words_.assign(words_.size(), 0);
    words_[0] = static_cast<std::int32_t>(packing_.offsets[index(first)]);
    for (std::int32_t expert = first; expert < last; ++expert) {
      words_[index(1 + expert - first)] =
          static_cast<std::int32_t>(packing_.offsets[index(expert + 1)] - packing_.offsets[index(expert)]);
    }
    flags_.raise(rank, words_);
  }

  /// Raises the flags elsewhere once the rows are there, and waits for everybody's.
  template <class Raise>
  void complete(const Raise& raise) {
    if (window_.is_open()) {
      window_.flush();
      for (const int rank : others_) {
        if (!peers_[index(rank)].on_node()) raise(rank);
      }
    }
    flags_.wait();
    if (window_.is_open()) window_.sync();
  }

  void read_flags() {
    for (const int rank : others_) {
      const auto words = flags_.words(rank);
      peers_[index(rank)].first_copy = words[0];
      std::copy(words.begin() + 1, words.end(), counts_.begin() + rank * width_);
    }
    const std::int32_t first = placement_.first_expert(comm_.rank());
    for (std::int32_t expert = first; expert < placement_.first_expert(comm_.rank() + 1); ++expert) {
      counts_[index(comm_.rank() * width_ + expert - first)] =
          packing_.offsets[index(expert + 1)] - packing_.offsets[index(expert)];
    }
  }

  void group() {
    using Region = SlotGroups::Region;
    sources_.resize(peers_.size());
    for (std::size_t r = 0; r < peers_.size(); ++r) {
      sources_[r] = {peers_[r].on_node() ? Region::node : Region::elsewhere,
                     peers_[r].its_slot * node_layout_.slot_rows};
    }
    sources_[index(comm_.rank())] = {Region::own, copies_for(comm_.rank()).first};
    groups_.make(counts_, width_, placement_.num_local(comm_.rank()), sources_);

    const int parity = flags_.parity(Way::out);
    grouped_.reserve(groups_.num_rows() * out_.bytes());
    const Rows grouped(grouped_.data(), groups_.num_rows(), out_);
    for (const SlotGroups::Run& run : groups_.runs) {
      auto source = std::span(groups_.row_of_grouped).subspan(index(run.first), index(run.count));
      ConstRows from = x_;
      if (run.region == Region::own) {
        source = std::span(packing_.token_of_slot).subspan(index(source.front()), index(run.count));
      } else if (run.region == Region::node) {
        from = slots(area(peers_[index(comm_.rank())]), node_layout_, parity);
      } else {
        from = slots(window_.data(), layout_elsewhere(comm_.rank()), parity);
      }
      gather(from, source, grouped.slice(run.first, run.count));
    }
  }

  ConstRows slots(const std::byte* base, const SlotLayout& layout, int parity) const {
    return {base + layout.slot(parity, 0), layout.num_sources * layout.slot_rows, out_};
  }

  void take_answers_from_elsewhere() {
    const std::int64_t begin = layout_elsewhere(comm_.rank()).answers(flags_.parity(Way::back));
    const ConstRows from(window_.data() + begin, packing_.num_slots(), back_);
    for (const int rank : others_) {
      if (peers_[index(rank)].on_node()) continue;
      const Block copies = copies_for(rank);
      copy_rows(from.slice(copies.first, copies.count), own_answers().slice(copies.first, copies.count));
    }
  }

  void gather(ConstRows from, std::span<const std::int64_t> source, Rows to) {
    if (!source.empty()) permuter_->gather(from, source, to);
  }

  template <class RowBytes>
  WireBytes booked(Way way, const RowBytes& bytes_to) const {
    WireBytes wire;
    book(wire, comm_, comm_.rank(), bytes_to(comm_.rank()));
    for (const int rank : others_) {
      book(wire, comm_, rank, bytes_to(rank) + flags_.flag_bytes(way, peers_[index(rank)].on_node()));
    }
    return wire;
  }

  const Communicator& comm_;
  Placement placement_;
  std::unique_ptr<Permuter> permuter_;
  std::int64_t max_tokens_;
  RowFormat out_, back_;     // of rows by way
  std::int32_t width_;       // experts of the ranks that have most
  std::vector<Peer> peers_;  // [P]
  std::vector<int> others_;  // [P − 1], in the order in which they are written to
  const Routing* routing_ = nullptr;
  PermutePlan packing_;
  SlotGroups groups_;
  std::vector<std::int64_t> counts_;  // [P, width], of received rows
  std::vector<SlotGroups::Source> sources_;
  std::vector<std::int32_t> words_;  // of one flag
  SlotLayout node_layout_;           // of a rank's area in its node's memory
  SlotFlags flags_;
  NodeMemory node_memory_;
  MpiWindow window_;  // for rows from other nodes
  Buffer packed_;     // rows for other nodes
  Buffer grouped_;    // received rows
  ConstRows x_;
  ConstRows answers_;  // of the present combine, in packed order
  bool combined_ = false;
};

/// Of the memory that LowLatency allocates, what this rank brings.
std::int64_t shared_bytes(const DispatchContext& context) {
  const Communicator& comm = *context.comm;
  const SlotLayout layout = layout_on_node(context);
  const std::int64_t num_ranks = comm.ranks_on_node();
  const std::int64_t flags = SlotFlags::memory_bytes(comm, flag_words(context));
  std::int64_t bytes = NodeMemory::share(comm, flags + num_ranks * area_bytes(layout));
  if (comm.num_nodes() > 1) bytes += layout_from_elsewhere(layout, comm, comm.rank()).bytes();
  return bytes;
}

std::optional<std::string> unsupported(const DispatchContext& context) {
  if (auto reason = host_only(context)) return reason;
  if (context.max_tokens == 0) return "needs to know the largest batch beforehand";
  if (context.comm->size() == 1) return std::nullopt;  // exchanges nothing
  if (auto reason = why_no_node_memory(*context.comm)) return reason;
  if (context.comm->num_nodes() > 1) {
    if (auto reason = why_no_windows(*context.comm)) return reason;
  }
  return why_no_room(*context.comm, shared_bytes(context));
}

std::unique_ptr<Dispatcher> make(const DispatchContext& context) { return std::make_unique<LowLatency>(context); }

std::int64_t extra_bytes(const ExchangeVolume& volume) {
  if (volume.num_ranks == 1) return 0;
  const auto num_local = static_cast<std::int32_t>(volume.local_experts);
  const std::int64_t slot_rows = SlotLayout::most_rows(volume.max_tokens, volume.top_k, num_local);
  const std::int64_t answers = 2 * std::int64_t{volume.max_tokens} * volume.top_k;  // on the node, and once more
  return 2 * ((volume.num_ranks - 1) * slot_rows + answers) * volume.row_bytes;
}

const DispatcherRegistration registration({"mpi-low-latency", "fixed slots at the receiver, rows and a flag, no counts",
                                           1, unsupported, make, ""},
                                          extra_bytes);

}  // namespace
}  // namespace moeperf
