// mpi-rank-dedup: a token travels once to each rank that holds any of its experts, and each such rank returns one
// partial sum for it. The idea of DeepEP's second version, here on MPI_Alltoallv.
//
//   dispatch: distinct destination ranks of each token; exchange the counts (MPI_Alltoall) and the labels that say for
//             which experts a row is, with which weights (MPI_Alltoallv); pack and exchange the rows; expand what
//             arrived to one row per copy, grouped by local expert
//   combine:  a partial sum of the answers for each arrived row, rounded to the rows' type; the mirror exchange; the
//   sum
//             of each token's partial sums, ranks ascending (CombineOrder::ranks)
//
// Rows for the rank itself are never exchanged, and a rank alone exchanges nothing at all.
//
// Cost per rank of P: one small MPI_Alltoall (P·8 bytes), P − 1 messages of labels (8 bytes per copy for another rank),
// P − 1 of rows each way. Under uniform routing a token has P·(1 − C(E−E/P, K)/C(E, K)) destinations instead of K
// copies: of 8 copies among 256 experts 1.99, 3.61, 5.29, 6.52 remain at 2, 4, 8, 16 ranks. The labels cost one more
// latency in dispatch than the flat dispatchers have. Copies of a row: one per destination when packed, one per copy
// when expanded (none where the receiver has a single expert); on the way back none beside the two sums. Memory: never
// more rows than the flat dispatchers hold; a table of min(K, local experts) copies, 16 bytes each, for each row that
// arrives, and 8 bytes for each label.

#include "comm/dispatch/alltoallv_exchange.hpp"
#include "comm/dispatch/dedup_plan.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/wire_bytes.hpp"

#include <algorithm>

namespace moeperf {
namespace {

class RankDedup final : public Dispatcher {
  using Way = RowExchange::Way;

 public:
  explicit RankDedup(const DispatchContext& context)
      : comm_(*context.comm),
        exchange_(context),
        permuter_(context.kernels->make_permuter()),
        placement_(context.num_experts, context.comm->size()),
        plan_(comm_, placement_, *permuter_, context.top_k),
        out_(context.dispatch_format()),
        back_(context.combine_format()) {}

  CombineOrder combine_order() const override { return CombineOrder::ranks; }
  RowRule row_rule() const override { return RowRule::ranks; }

  ReceivedTokens dispatch(ConstRows x, const Routing& routing) override {
    begin_dispatch(x, routing);
    if (comm_.size() > 1) exchange_.run(Way::out, packed(out_), arrived_);
    plan_.group();
    return end_dispatch();
  }

  void combine(ConstRows expert_out, Rows out) override {
    begin_combine(expert_out);
    if (comm_.size() > 1) exchange_.run(Way::back, partials_, packed(back_));
    end_combine(out);
  }

  bool can_split() const override { return true; }

  void start_dispatch(ConstRows x, const Routing& routing) override {
    begin_dispatch(x, routing);
    if (comm_.size() > 1) exchange_.start(Way::out, packed(out_), arrived_);
    plan_.group();  // while rows travel
  }

  ReceivedTokens finish_dispatch() override {
    if (comm_.size() > 1) exchange_.finish(Way::out);
    return end_dispatch();
  }

  void start_combine(ConstRows expert_out) override {
    begin_combine(expert_out);
    if (comm_.size() > 1) exchange_.start(Way::back, partials_, packed(back_));
  }

  void finish_combine(Rows out) override {
    if (comm_.size() > 1) exchange_.finish(Way::back);
    end_combine(out);
  }

  void progress() override { exchange_.progress(); }

  WireBytes dispatch_bytes() const override {
    WireBytes wire = rows_booked(Way::out);
    for (int r = 0; dispatched_ && r < comm_.size(); ++r) {
      if (r != comm_.rank()) book(wire, comm_, r, plan_.metadata_bytes(r));
    }
    return wire;
  }

  WireBytes combine_bytes() const override { return rows_booked(Way::back); }

 private:
  void begin_dispatch(ConstRows x, const Routing& routing) {
    x_ = x;
    plan_.make(routing);
    dispatched_ = true;
    if (comm_.size() > 1) exchange_.prepare(plan_.send, plan_.arrive);
    packed_.reserve(plan_.packing.num_slots() * out_.bytes());
    arrived_memory_.reserve(plan_.num_arrived * out_.bytes());
    arrived_ = Rows(arrived_memory_.data(), plan_.num_arrived, out_);

    const std::int64_t after_own = plan_.own_packed + plan_.own_rows;
    own_direct_ = !plan_.already_grouped && own_blocks_are_large();
    pack(0, plan_.own_packed, packed(out_), 0);
    if (!own_direct_) pack(plan_.own_packed, plan_.own_rows, arrived_, plan_.own_arrived);
    pack(after_own, plan_.packing.num_slots() - after_own, packed(out_), after_own);
  }

  ReceivedTokens end_dispatch() {
    if (plan_.already_grouped) return {arrived_, plan_.copies.offsets()};
    const std::int64_t num_copies = plan_.copies.num_copies();
    grouped_memory_.reserve(num_copies * out_.bytes());
    const Rows grouped(grouped_memory_.data(), num_copies, out_);
    std::int64_t filled = 0, own_filled = 0;
    if (own_direct_) {
      for (const DedupPlan::OwnBlock& own : plan_.own_blocks) {
        gather(arrived_, plan_.copies.row_of_copy(), filled, own.grouped - filled, grouped, filled);
        gather(x_, plan_.own_tokens, own_filled, own.count, grouped, own.grouped);
        filled = own.grouped + own.count;
        own_filled += own.count;
      }
    }
    gather(arrived_, plan_.copies.row_of_copy(), filled, num_copies - filled, grouped, filled);
    return {grouped, plan_.copies.offsets()};
  }

  void begin_combine(ConstRows expert_out) {
    packed_.reserve(plan_.packing.num_slots() * back_.bytes());
    plan_.copies.reduce(expert_out, plan_.own_arrived, plan_.own_rows,
                        packed(back_).slice(plan_.own_packed, plan_.own_rows));
    if (comm_.size() == 1) return;
    // What dispatch returned must not be overwritten: it lies in one of the two.
    Buffer& memory = plan_.already_grouped ? grouped_memory_ : arrived_memory_;
    memory.reserve(plan_.num_arrived * back_.bytes());
    partials_ = Rows(memory.data(), plan_.num_arrived, back_);
    const std::int64_t after_own = plan_.own_arrived + plan_.own_rows;
    for (const auto& [first, last] : {std::pair(std::int64_t{0}, plan_.own_arrived), {after_own, plan_.num_arrived}}) {
      plan_.copies.reduce(expert_out, first, last - first, partials_.slice(first, last - first));
    }
  }

  void end_combine(Rows out) {
    const std::vector<std::int64_t>& slots = plan_.packing.slot_of_copy;
    ones_.resize(slots.size(), 1.0f);
    permuter_->weighted_sum(packed(back_), slots, ones_, plan_.packing.top_k, out);
  }

  /// Rows sent on the way out, rows returned on the way back.
  Rows packed(RowFormat format) const { return Rows(packed_.data(), plan_.packing.num_slots(), format); }

  /// As in the flat dispatchers: own rows go straight to their groups, at the price of two gathers for each local
  /// expert, where they are long. A rank alone has a single block.
  bool own_blocks_are_large() const {
    constexpr std::int64_t large = 64 << 10;
    return comm_.size() == 1 || plan_.own_rows * out_.bytes() >= large * placement_.num_local(comm_.rank());
  }

  void pack(std::int64_t first, std::int64_t count, Rows to, std::int64_t to_first) {
    gather(x_, plan_.packing.token_of_slot, first, count, to, to_first);
  }

  /// to[to_first + i] = from[source[first + i]]
  void gather(ConstRows from, std::span<const std::int64_t> source, std::int64_t first, std::int64_t count, Rows to,
              std::int64_t to_first) {
    if (count == 0) return;
    permuter_->gather(from, source.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                      to.slice(to_first, count));
  }

  WireBytes rows_booked(Way way) const {
    WireBytes wire;
    const RowFormat format = way == Way::out ? out_ : back_;
    for (int r = 0; dispatched_ && r < comm_.size(); ++r) {
      book(wire, comm_, r, r == comm_.rank() ? plan_.own_rows * format.bytes() : exchange_.sent_bytes(way, r));
    }
    return wire;
  }

  const Communicator& comm_;
  AlltoallvExchange exchange_;
  std::unique_ptr<Permuter> permuter_;
  Placement placement_;
  DedupPlan plan_;
  RowFormat out_, back_;  // of rows by way
  Buffer packed_, arrived_memory_, grouped_memory_;
  ConstRows x_;
  Rows arrived_;             // of the last dispatch
  Rows partials_;            // of the last combine, in order of arrival
  std::vector<float> ones_;  // weights of partial sums
  bool own_direct_ = false;
  bool dispatched_ = false;
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) { return std::make_unique<RankDedup>(context); }

/// Of rows no more than the flat dispatchers; the table of what arrived, and the labels.
std::int64_t extra_bytes(const ExchangeVolume& volume) {
  const auto width = std::min<std::int64_t>(volume.top_k, volume.local_experts);
  return volume.rows_received * (16 * width + 8) + volume.rows_sent * 24;
}

const DispatcherRegistration registration({"mpi-rank-dedup", "a token once per rank of its experts, summed there", 6,
                                           host_only, make, ""},
                                          extra_bytes);

}  // namespace
}  // namespace moeperf
