// mpi-low-latency: for decode. Rows go straight into a slot that the receiver keeps for their source, a flag follows
// them, and no counts are exchanged first.
//
//   dispatch: sort the copies by expert; per rank on the node: gather from x into its slot, raise the flag there; per
//             rank elsewhere: pack, MPI_Put, and once flushed send the flag; wait for everybody's flag; gather from the
//             slots (own rows: from x) into groups by local expert
//   combine:  the mirror: expert outputs into the places of their copies at the token's source, flag; wait for
//             everybody's; weighted sum over those places
//
// A flag carries how many rows there are for each local expert and where their copies begin at the source, which is
// where the expert outputs go. Rows for all experts of a rank share one slot, since the sender has counted before it
// sends; where GPU threads place rows as they come upon them (DeepEP's low-latency kernels), each expert has a slot per
// source as long as the batch.
//
// Who may write when: slots and places for expert outputs exist twice and alternate with the exchange's number,
// dispatches and combines counted apart. In every exchange each rank raises a flag at each other, rows or none, and
// waits for all. A source that starts dispatch i + 2 has thus seen the receiver's flag of dispatch i + 1, which the
// receiver raised after it had gathered dispatch i out of the slots that are now written again; combine i + 2 likewise
// follows the source's flag of combine i + 1, raised after its sum of combine i. Nothing in this needs dispatch and
// combine to alternate: each may be repeated without the other. Nobody gets more than one exchange ahead.
//
// Cost per rank of P with L experts, n ranks on its node: each way P − n puts, P − n messages ((1+L)·4 bytes out, none
// back), P − 1 flags in all; on one node no MPI message. Rows on the node are copied once by the sender and once into
// their groups, expert outputs once; rows elsewhere once more on both sides.
// Memory: for T tokens at most, rows of B bytes, 2·(P−1)·T·min(K,L)·B for dispatch and 2·T·K·B for combine, both in
// shared memory for sources on the node and in a window for others. Large: it grows with the ranks, filled or not.

#include "comm/dispatch/booked_bytes.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/low_latency_transport.hpp"
#include "comm/dispatch/slot_groups.hpp"
#include "comm/mpi/window_probe.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

using Way = RowExchange::Way;

class LowLatencyDispatch final : public Dispatch {
 public:
  explicit LowLatencyDispatch(LowLatencyTransport& transport)
      : transport_(transport),
        comm_(transport.comm),
        placement_(transport.placement),
        counts_(static_cast<std::size_t>(comm_.size() * transport.width)),
        first_copy_(static_cast<std::size_t>(comm_.size())),
        words_(static_cast<std::size_t>(1 + transport.width)) {}

  /// Local: flags carry the counts.
  void plan(const Routing& routing) override {
    transport_.require_room("tokens", routing.num_tokens, transport_.max_tokens);
    routing_ = &routing;
    transport_.permuter->plan(routing.topk_idx, routing.num_tokens, routing.top_k, placement_.num_experts(), packing_);
    dispatched_ = combined_ = false;
  }

  void start_dispatch(ConstRows rows, Overlap) override {
    x_ = rows;
    const std::span<const std::int64_t> tokens = packing_.token_of_row.host();
    transport_.flags.begin(Way::out);
    const int parity = transport_.flags.parity(Way::out);
    if (transport_.window.is_open()) transport_.packed.reserve(packing_.num_rows() * transport_.out.bytes());
    for (const int rank : transport_.others) {
      const Block copies = copies_for(rank);
      const std::int64_t my_slot = transport_.peer(rank).my_slot;
      transport_.require_room("copies for one rank", copies.count, transport_.node_layout.slot_rows);
      const auto source = tokens.subspan(index(copies.first), index(copies.count));
      if (transport_.peer(rank).on_node()) {
        gather(x_, source,
               {transport_.area(rank) + transport_.node_layout.slot(parity, my_slot), copies.count, transport_.out});
        raise_out(rank);
      } else if (copies.count > 0) {
        const Rows block =
            Rows(transport_.packed.data(), packing_.num_rows(), transport_.out).slice(copies.first, copies.count);
        gather(x_, source, block);
        transport_.window.put(block.data(), block.bytes(), rank,
                              transport_.layout_elsewhere(rank).slot(parity, my_slot));
      }
    }
  }

  ReceivedTokens finish_dispatch() override {
    transport_.complete([&](int rank) { raise_out(rank); });
    read_flags();
    group();
    dispatched_ = true;
    return {Rows(transport_.grouped.data(), groups_.num_rows(), transport_.out),
            RowGroups::contiguous(groups_.offsets)};
  }

  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap) override {
    combined_ = true;
    weights_ = weights;
    transport_.flags.begin(Way::back);
    const int parity = transport_.flags.parity(Way::back);
    if (transport_.window.is_open()) transport_.packed.reserve(groups_.num_rows() * transport_.back.bytes());
    for (const int rank : transport_.others) {
      const auto source = groups_.grouped_from(rank);
      const auto count = static_cast<std::int64_t>(source.size());
      const std::int64_t place = first_copy_[index(rank)] * transport_.back.bytes();
      if (transport_.peer(rank).on_node()) {
        gather(expert_out, source,
               {transport_.area(rank) + transport_.node_layout.expert_out(parity) + place, count, transport_.back});
        transport_.flags.raise(rank, {});
      } else if (count > 0) {
        const Rows block = Rows(transport_.packed.data(), groups_.num_rows(), transport_.back)
                               .slice(groups_.first_arrived[index(rank)], count);
        gather(expert_out, source, block);
        transport_.window.put(block.data(), block.bytes(), rank,
                              transport_.layout_elsewhere(rank).expert_out(parity) + place);
      }
    }
    if (transport_.is_alone()) {
      expert_out_ = expert_out;  // grouped order is packed order
      return;
    }
    expert_out_ = own_expert_out();
    const Block own = copies_for(comm_.rank());
    gather(expert_out, groups_.grouped_from(comm_.rank()), own_expert_out().slice(own.first, own.count));
  }

  void finish_combine(Rows out) override {
    transport_.complete([&](int rank) { transport_.flags.raise(rank, {}); });
    if (transport_.window.is_open()) take_expert_out_from_elsewhere();
    transport_.permuter->weighted_sum(expert_out_, packing_.row_of_copy, weights(), routing_->top_k, out);
  }

  void progress() override { transport_.flags.arrived(); }

  WireBytes dispatch_bytes() const override {
    if (!dispatched_) return {};
    return booked(Way::out, [&](int rank) { return copies_for(rank).count * transport_.out.bytes(); });
  }

  WireBytes combine_bytes() const override {
    if (!combined_) return {};
    return booked(Way::back, [&](int rank) { return groups_.num_from(rank) * transport_.back.bytes(); });
  }

 private:
  struct Block {
    std::int64_t first, count;
  };

  static std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

  /// Where the copies for a rank's experts lie in packed order.
  Block copies_for(int rank) const {
    const std::int64_t first = packing_.offsets[index(placement_.first_expert(rank))];
    return {first, packing_.offsets[index(placement_.first_expert(rank + 1))] - first};
  }

  View<const float> weights() {
    if (weights_.kind == CombineWeights::Kind::given) return weights_.values;
    if (weights_.kind == CombineWeights::Kind::of_routing) return routing_->topk_weights;
    ones_.assign(packing_.row_of_copy.size(), 1.0f);
    return ones_;
  }

  /// In packed order, of the present combine.
  Rows own_expert_out() const {
    return {transport_.area(comm_.rank()) + transport_.node_layout.expert_out(transport_.flags.parity(Way::back)),
            packing_.num_rows(), transport_.back};
  }

  void raise_out(int rank) {
    const std::int32_t first = placement_.first_expert(rank), last = placement_.first_expert(rank + 1);
    words_.assign(words_.size(), 0);
    words_[0] = static_cast<std::int32_t>(packing_.offsets[index(first)]);
    for (std::int32_t expert = first; expert < last; ++expert) {
      words_[index(1 + expert - first)] =
          static_cast<std::int32_t>(packing_.offsets[index(expert + 1)] - packing_.offsets[index(expert)]);
    }
    transport_.flags.raise(rank, words_);
  }

  void read_flags() {
    for (const int rank : transport_.others) {
      const auto words = transport_.flags.words(rank);
      first_copy_[index(rank)] = words[0];
      std::copy(words.begin() + 1, words.end(), counts_.begin() + rank * transport_.width);
    }
    const std::int32_t first = placement_.first_expert(comm_.rank());
    for (std::int32_t expert = first; expert < placement_.first_expert(comm_.rank() + 1); ++expert) {
      counts_[index(comm_.rank() * transport_.width + expert - first)] =
          packing_.offsets[index(expert + 1)] - packing_.offsets[index(expert)];
    }
  }

  void group() {
    using Region = SlotGroups::Region;
    const SlotLayout& layout = transport_.node_layout;
    sources_.resize(transport_.peers.size());
    for (int r = 0; r < comm_.size(); ++r) {
      const LowLatencyTransport::Peer& peer = transport_.peer(r);
      sources_[index(r)] = {peer.on_node() ? Region::node : Region::elsewhere, peer.its_slot * layout.slot_rows};
    }
    sources_[index(comm_.rank())] = {Region::own, copies_for(comm_.rank()).first};
    groups_.make(counts_, transport_.width, placement_.num_local(comm_.rank()), sources_);

    const int parity = transport_.flags.parity(Way::out);
    transport_.grouped.reserve(groups_.num_rows() * transport_.out.bytes());
    const Rows grouped(transport_.grouped.data(), groups_.num_rows(), transport_.out);
    for (const SlotGroups::Run& run : groups_.runs) {
      auto source = std::span<const std::int64_t>(groups_.row_of_grouped).subspan(index(run.first), index(run.count));
      ConstRows from = x_;
      if (run.region == Region::own) {
        source = packing_.token_of_row.host().subspan(index(source.front()), index(run.count));
      } else if (run.region == Region::node) {
        from = slots(transport_.area(comm_.rank()), layout, parity);
      } else {
        from = slots(transport_.window.data(), transport_.layout_elsewhere(comm_.rank()), parity);
      }
      gather(from, source, grouped.slice(run.first, run.count));
    }
  }

  ConstRows slots(const std::byte* base, const SlotLayout& layout, int parity) const {
    return {base + layout.slot(parity, 0), layout.num_sources * layout.slot_rows, transport_.out};
  }

  void take_expert_out_from_elsewhere() {
    const std::int64_t begin = transport_.layout_elsewhere(comm_.rank()).expert_out(transport_.flags.parity(Way::back));
    const ConstRows from(transport_.window.data() + begin, packing_.num_rows(), transport_.back);
    for (const int rank : transport_.others) {
      if (transport_.peer(rank).on_node()) continue;
      const Block copies = copies_for(rank);
      copy_rows(from.slice(copies.first, copies.count), own_expert_out().slice(copies.first, copies.count));
    }
  }

  void gather(ConstRows from, std::span<const std::int64_t> source, Rows to) {
    if (!source.empty()) transport_.permuter->gather(from, source, to);
  }

  template <class RowBytes>
  WireBytes booked(Way way, const RowBytes& bytes_to) const {
    WireBytes wire;
    book(wire, comm_, comm_.rank(), bytes_to(comm_.rank()));
    for (const int rank : transport_.others) {
      book(wire, comm_, rank, bytes_to(rank) + transport_.flags.flag_bytes(way, transport_.peer(rank).on_node()));
    }
    return wire;
  }

  LowLatencyTransport& transport_;
  const Communicator& comm_;
  const Placement& placement_;
  const Routing* routing_ = nullptr;
  PermutePlan packing_;
  SlotGroups groups_;
  std::vector<std::int64_t> counts_;      // [P, width], of received rows
  std::vector<std::int64_t> first_copy_;  // [P], where a rank's copies for this one begin in its packed order
  std::vector<SlotGroups::Source> sources_;
  std::vector<std::int32_t> words_;  // of one flag
  CombineWeights weights_;           // of the last combine
  Array<float> ones_;
  ConstRows x_;
  ConstRows expert_out_;  // of the present combine, in packed order
  bool dispatched_ = false, combined_ = false;
};

class LowLatency final : public Dispatcher {
 public:
  explicit LowLatency(const DispatchContext& context) : transport_(context) {}

  std::unique_ptr<Dispatch> make_dispatch() override { return std::make_unique<LowLatencyDispatch>(transport_); }
  RowRule row_rule() const override { return RowRule::copies; }
  bool can_overlap() const override { return true; }

 private:
  LowLatencyTransport transport_;
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
  const std::int64_t expert_out_rows =
      2 * std::int64_t{volume.max_tokens} * volume.top_k;  // on the node, and once more
  return 2 * ((volume.num_ranks - 1) * slot_rows + expert_out_rows) * volume.row_bytes;
}

const DispatcherRegistration registration({"mpi-low-latency", "fixed slots at the receiver, rows and a flag, no counts",
                                           1, unsupported, make, ""},
                                          extra_bytes);

}  // namespace
}  // namespace moeperf
