// mpi-rank-dedup: a token travels once to each rank that holds any of its experts, and each such rank returns one
// partial sum for it. The idea of DeepEP's second version, here on MPI_Alltoallv.
//
//   plan:     distinct destination ranks of each token; exchange the counts (MPI_Alltoall) and the labels that say for
//             which experts a row is, with which weights (MPI_Alltoallv)
//   dispatch: pack and exchange the rows; expand what arrived to one row per copy, grouped by local expert
//   combine:  a partial sum of the expert outputs for each arrived row, rounded to the rows' type; the mirror exchange;
//             the sum of each token's partial sums, ranks ascending (CombineOrder::ranks)
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
#include "comm/dispatch/booked_bytes.hpp"
#include "comm/dispatch/dedup_plan.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/transport.hpp"

#include <algorithm>
#include <utility>

namespace moeperf {
namespace {

using Way = RowExchange::Way;

/// What all handles share.
struct RankDedupTransport : Transport {
  explicit RankDedupTransport(const DispatchContext& context) : Transport(context), exchange(context) {}

  RowFormat format(Way way) const { return way == Way::out ? out : back; }

  AlltoallvExchange exchange;
  Buffer packed, arrived, grouped;  // of the present exchange
  std::vector<float> ones;          // weights of partial sums
};

class RankDedupDispatch final : public Dispatch {
 public:
  explicit RankDedupDispatch(RankDedupTransport& transport)
      : transport_(transport),
        comm_(transport.comm),
        plan_(comm_, transport.placement, *transport.permuter, transport.top_k) {}

  void plan(const Routing& routing) override {
    plan_.make(routing);
    is_grouped_ = false;
    plan_is_fresh_ = true;
    dispatched_ = combined_ = false;
  }

  void start_dispatch(ConstRows rows, Overlap overlap) override {
    prepare();
    books_plan_ = std::exchange(plan_is_fresh_, false);
    dispatched_ = true;
    x_ = rows;
    transport_.packed.reserve(plan_.packing.num_rows() * transport_.out.bytes());
    transport_.arrived.reserve(plan_.num_arrived * transport_.out.bytes());
    arrived_ = Rows(transport_.arrived.data(), plan_.num_arrived, transport_.out);
    const std::int64_t after_own = plan_.own_packed + plan_.own_rows;
    own_direct_ = !plan_.already_grouped && own_blocks_are_large();
    pack(0, plan_.own_packed, packed(Way::out), 0);
    if (!own_direct_) pack(plan_.own_packed, plan_.own_rows, arrived_, plan_.own_arrived);
    pack(after_own, plan_.packing.num_rows() - after_own, packed(Way::out), after_own);
    if (!transport_.is_alone()) transport_.exchange.start(Way::out, packed(Way::out), arrived_, overlap);
    if (!std::exchange(is_grouped_, true)) plan_.group();  // while rows travel
  }

  ReceivedTokens finish_dispatch() override {
    if (!transport_.is_alone()) transport_.exchange.finish(Way::out);
    const RowGroups groups = RowGroups::contiguous(plan_.copies.offsets());
    if (plan_.already_grouped) return {arrived_, groups};
    const std::int64_t num_copies = plan_.copies.num_copies();
    transport_.grouped.reserve(num_copies * transport_.out.bytes());
    const Rows grouped(transport_.grouped.data(), num_copies, transport_.out);
    std::int64_t filled = 0, own_filled = 0;
    if (own_direct_) {
      for (const DedupPlan::OwnBlock& own : plan_.own_blocks) {
        gather(arrived_, plan_.copies.source_of_copy(), filled, own.grouped - filled, grouped, filled);
        gather(x_, plan_.own_tokens, own_filled, own.count, grouped, own.grouped);
        filled = own.grouped + own.count;
        own_filled += own.count;
      }
    }
    gather(arrived_, plan_.copies.source_of_copy(), filled, num_copies - filled, grouped, filled);
    return {grouped, groups};
  }

  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap overlap) override {
    prepare();
    combined_ = true;
    weights_ = weights.kind;
    const std::span<const float> table = table_of(weights);
    transport_.packed.reserve(plan_.packing.num_rows() * transport_.back.bytes());
    plan_.copies.reduce(expert_out, table, plan_.own_arrived, plan_.own_rows,
                        packed(Way::back).slice(plan_.own_packed, plan_.own_rows));
    if (transport_.is_alone()) return;
    // What dispatch returned must not be overwritten: it lies in one of the two.
    Buffer& memory = plan_.already_grouped ? transport_.grouped : transport_.arrived;
    memory.reserve(plan_.num_arrived * transport_.back.bytes());
    const Rows partials(memory.data(), plan_.num_arrived, transport_.back);
    const std::int64_t after_own = plan_.own_arrived + plan_.own_rows;
    for (const auto& [first, last] : {std::pair(std::int64_t{0}, plan_.own_arrived), {after_own, plan_.num_arrived}}) {
      plan_.copies.reduce(expert_out, table, first, last - first, partials.slice(first, last - first));
    }
    transport_.exchange.start(Way::back, partials, packed(Way::back), overlap);
  }

  void finish_combine(Rows out) override {
    if (!transport_.is_alone()) transport_.exchange.finish(Way::back);
    const Array<std::int64_t>& rows = plan_.packing.row_of_copy;
    transport_.permuter->weighted_sum(packed(Way::back), rows, ones(rows.size()), plan_.packing.top_k, out);
  }

  void progress() override { transport_.exchange.progress(); }

  WireBytes dispatch_bytes() const override {
    WireBytes wire;
    if (!dispatched_) return wire;
    wire = rows_booked(Way::out);
    if (books_plan_) book_for_others(wire, [&](int rank) { return plan_.metadata_bytes(rank); });
    return wire;
  }

  WireBytes combine_bytes() const override {
    WireBytes wire;
    if (!combined_) return wire;
    wire = rows_booked(Way::back);
    if (weights_ == CombineWeights::Kind::given) {
      book_for_others(wire, [&](int rank) { return plan_.weights_bytes(rank); });
    }
    return wire;
  }

 private:
  void prepare() {
    if (!transport_.is_alone()) transport_.exchange.prepare(plan_.send, plan_.arrive);  // local
  }

  std::span<const float> table_of(const CombineWeights& weights) {
    if (weights.kind == CombineWeights::Kind::given) return plan_.table_of(weights.values.host());
    if (weights.kind == CombineWeights::Kind::none) return ones(plan_.copies.weights().size());
    return plan_.copies.weights();
  }

  std::span<const float> ones(std::size_t size) {
    if (transport_.ones.size() < size) transport_.ones.resize(size, 1.0f);
    return std::span<const float>(transport_.ones).first(size);
  }

  /// Rows sent on the way out, rows returned on the way back.
  Rows packed(Way way) const {
    return Rows(transport_.packed.data(), plan_.packing.num_rows(), transport_.format(way));
  }

  /// As in the flat dispatchers: own rows go straight to their groups, at the price of two gathers for each local
  /// expert, where they are long. A rank alone has a single block.
  bool own_blocks_are_large() const {
    constexpr std::int64_t large = 64 << 10;
    return transport_.is_alone() ||
           plan_.own_rows * transport_.out.bytes() >= large * transport_.placement.num_local(comm_.rank());
  }

  void pack(std::int64_t first, std::int64_t count, Rows to, std::int64_t to_first) {
    gather(x_, plan_.packing.token_of_row, first, count, to, to_first);
  }

  /// to[to_first + i] = from[source[first + i]]
  void gather(ConstRows from, View<const std::int64_t> source, std::int64_t first, std::int64_t count, Rows to,
              std::int64_t to_first) {
    if (count > 0) transport_.permuter->gather(from, source.part(first, count), to.slice(to_first, count));
  }

  WireBytes rows_booked(Way way) const {
    WireBytes wire;
    book(wire, comm_, comm_.rank(), plan_.own_rows * transport_.format(way).bytes());
    const RowBlocks& sent = way == Way::out ? plan_.send : plan_.arrive;
    book_for_others(
        wire, [&](int rank) { return sent.counts[static_cast<std::size_t>(rank)] * transport_.format(way).bytes(); });
    return wire;
  }

  template <class BytesTo>
  void book_for_others(WireBytes& wire, const BytesTo& bytes_to) const {
    for (int r = 0; r < comm_.size(); ++r) {
      if (r != comm_.rank()) book(wire, comm_, r, bytes_to(r));
    }
  }

  RankDedupTransport& transport_;
  const Communicator& comm_;
  DedupPlan plan_;
  ConstRows x_;
  Rows arrived_;                                                     // of the last dispatch
  CombineWeights::Kind weights_ = CombineWeights::Kind::of_routing;  // of the last combine
  bool own_direct_ = false, is_grouped_ = false;
  bool plan_is_fresh_ = false, books_plan_ = false, dispatched_ = false, combined_ = false;
};

class RankDedup final : public Dispatcher {
 public:
  explicit RankDedup(const DispatchContext& context) : transport_(context) {}

  std::unique_ptr<Dispatch> make_dispatch() override { return std::make_unique<RankDedupDispatch>(transport_); }
  CombineOrder combine_order() const override { return CombineOrder::ranks; }
  RowRule row_rule() const override { return RowRule::ranks; }
  bool can_overlap() const override { return true; }

 private:
  RankDedupTransport transport_;
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
