// mpi-allgather: all ranks' rows and choices to everybody, a partial sum of every token back to its rank: the
// all-gather dispatcher of Megatron-LM, which need not know where a row is wanted before it sends it.
//
//   plan:     MPI_Allgather of the numbers of tokens, MPI_Allgatherv of the choices (expert and weight)
//   dispatch: MPI_Allgatherv of the rows; each rank groups what its experts need by one gather straight from them
//   combine:  the reduce-scatter. Each rank sums its experts' outputs to every token of every rank, rounded to the
//             type of rows; MPI_Alltoallv brings the partial sums home, where they are added, ranks ascending
//             (CombineOrder::ranks)
//
// Why not MPI_Reduce_scatter: it adds in an order of the library's choice, so that the bits would depend on the library
// and its settings. The exchange of partial sums moves as many bytes per rank as a ring or pairwise reduce-scatter.
//
// Both ways are dense, as in the original: a rank without any expert of a token gets its row all the same and returns
// zeros for it. They change no bits: a sum that starts from +0 never becomes −0 when values are added to it, and adding
// +0 leaves every other value as it is.
//
// Cost per rank of P with T tokens: P − 1 messages of a number, of choices (T·K·8 bytes) and of T rows, or whatever the
// library's all-gather makes of them (booked as sent straight to each rank); P − 1 of partial sums, the others' T rows,
// on the way back. That is P − 1 rows per token each way, whatever K; the flat dispatchers' K·(P − 1)/P are more where
// K > P. Copies of a row: one per copy when grouped, and the library's of the rank's own; on the way back none beside
// the two sums. Memory: the rows of all ranks, P partial sums for each own token, the copies received once, 24 bytes
// for each of all ranks' choices.

#include "comm/dispatch/alltoallv_exchange.hpp"
#include "comm/dispatch/booked_bytes.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/local_copies.hpp"
#include "comm/dispatch/transport.hpp"

#include <algorithm>
#include <utility>

namespace moeperf {
namespace {

using Way = RowExchange::Way;

/// What all handles share.
struct AllGatherTransport : Transport {
  explicit AllGatherTransport(const DispatchContext& context)
      : Transport(context),
        exchange(context),
        row_type(out.bytes()),
        label_type(top_k * static_cast<std::int64_t>(sizeof(CopyLabel))),
        weights_type(top_k * static_cast<std::int64_t>(sizeof(float))) {}

  AlltoallvExchange exchange;                  // of partial sums
  RowType row_type, label_type, weights_type;  // of a token, of its K labels, of its K weights
  Buffer gathered, grouped, returned;          // of the present exchange
};

class AllGatherDispatch final : public Dispatch {
 public:
  explicit AllGatherDispatch(AllGatherTransport& transport)
      : transport_(transport),
        comm_(transport.comm),
        copies_(*transport.permuter, transport.placement.num_local(comm_.rank()), transport.top_k) {
    everyones_.counts.resize(static_cast<std::size_t>(comm_.size()));
  }

  void plan(const Routing& routing) override {
    num_tokens_ = routing.num_tokens;
    labels_.resize(routing.topk_idx.size());
    for (std::size_t copy = 0; copy < labels_.size(); ++copy) {
      labels_[copy] = {routing.topk_idx[copy], routing.topk_weights[copy]};
    }
    const int own = mpi_count(num_tokens_, "tokens");
    mpi_check(MPI_Allgather(&own, 1, MPI_INT, everyones_.counts.data(), 1, MPI_INT, comm_.get()), "MPI_Allgather");
    all_tokens_ = lay_out(everyones_);
    if (!transport_.is_alone()) {
      all_labels_.resize(static_cast<std::size_t>(all_tokens_ * transport_.top_k));
      all_gather(labels_.data(), transport_.label_type, all_labels_.data());
      lay_out_way_back();
    }
    is_grouped_ = false;
    plan_is_fresh_ = true;
    dispatched_ = combined_ = false;
  }

  void start_dispatch(ConstRows rows, Overlap overlap) override {
    books_plan_ = std::exchange(plan_is_fresh_, false);
    dispatched_ = true;
    x_ = rows;
    if (!transport_.is_alone()) {
      transport_.gathered.reserve(all_tokens_ * transport_.out.bytes());
      if (overlap == Overlap::none) {
        all_gather(rows.data(), transport_.row_type, transport_.gathered.data());
      } else {
        start_all_gather(rows.data(), transport_.row_type, transport_.gathered.data());
      }
    }
    if (!std::exchange(is_grouped_, true)) group();  // while rows travel
  }

  ReceivedTokens finish_dispatch() override {
    mpi_check(MPI_Wait(&gather_, MPI_STATUS_IGNORE), "MPI_Wait");
    transport_.grouped.reserve(copies_.num_copies() * transport_.out.bytes());
    const Rows grouped(transport_.grouped.data(), copies_.num_copies(), transport_.out);
    const ConstRows rows = transport_.is_alone() ? x_ : ConstRows(gathered(transport_.out));
    transport_.permuter->gather(rows, copies_.source_of_copy(), grouped);
    return {grouped, RowGroups::contiguous(copies_.offsets())};
  }

  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap overlap) override {
    combined_ = true;
    weights_ = weights.kind;
    const std::span<const float> table = table_of(weights);
    const std::int64_t first_own = everyones_.offsets[static_cast<std::size_t>(comm_.rank())];
    const std::int64_t after_own = first_own + num_tokens_;
    transport_.returned.reserve(num_tokens_ * comm_.size() * transport_.back.bytes());
    returned_ = Rows(transport_.returned.data(), num_tokens_ * comm_.size(), transport_.back);
    copies_.reduce(expert_out, table, first_own, num_tokens_, returned_.slice(num_tokens_ * comm_.rank(), num_tokens_));
    if (transport_.is_alone()) return;
    transport_.gathered.reserve(all_tokens_ * transport_.back.bytes());
    const Rows partials = gathered(transport_.back);
    copies_.reduce(expert_out, table, 0, first_own, partials.slice(0, first_own));
    copies_.reduce(expert_out, table, after_own, all_tokens_ - after_own,
                   partials.slice(after_own, all_tokens_ - after_own));
    transport_.exchange.prepare(home_, from_others_);  // local
    transport_.exchange.start(Way::back, partials, returned_, overlap);
  }

  void finish_combine(Rows out) override {
    if (!transport_.is_alone()) transport_.exchange.finish(Way::back);
    const std::int64_t num_ranks = comm_.size();
    const auto size = static_cast<std::size_t>(num_tokens_ * num_ranks);
    if (row_of_partial_.size() != size) {
      row_of_partial_.resize(size);
      for (std::int64_t t = 0; t < num_tokens_; ++t) {
        for (std::int64_t r = 0; r < num_ranks; ++r) {
          row_of_partial_[static_cast<std::size_t>(t * num_ranks + r)] = r * num_tokens_ + t;
        }
      }
    }
    transport_.permuter->weighted_sum(returned_, row_of_partial_, ones(size), comm_.size(), out);
  }

  void progress() override {
    int done = 0;
    mpi_check(MPI_Request_get_status(gather_, &done, MPI_STATUS_IGNORE), "MPI_Request_get_status");
    transport_.exchange.progress();
  }

  WireBytes dispatch_bytes() const override {
    WireBytes wire;
    if (!dispatched_) return wire;
    const std::int64_t labels = num_tokens_ * transport_.top_k * static_cast<std::int64_t>(sizeof(CopyLabel));
    for (int r = 0; r < comm_.size(); ++r) {
      const std::int64_t count_bytes = r == comm_.rank() ? 0 : static_cast<std::int64_t>(sizeof(int));
      book(wire, comm_, r, num_tokens_ * transport_.out.bytes() + (books_plan_ ? labels + count_bytes : 0));
    }
    return wire;
  }

  WireBytes combine_bytes() const override {
    WireBytes wire;
    const bool sends_weights = weights_ == CombineWeights::Kind::given;
    const std::int64_t weights =
        sends_weights ? num_tokens_ * transport_.top_k * static_cast<std::int64_t>(sizeof(float)) : 0;
    for (int r = 0; combined_ && r < comm_.size(); ++r) {
      const std::int64_t partials = everyones_.counts[static_cast<std::size_t>(r)] * transport_.back.bytes();
      book(wire, comm_, r, partials + (r == comm_.rank() ? 0 : weights));
    }
    return wire;
  }

 private:
  Rows gathered(RowFormat format) const { return Rows(transport_.gathered.data(), all_tokens_, format); }

  void lay_out_way_back() {
    const auto self = static_cast<std::size_t>(comm_.rank());
    from_others_ = everyones_;
    from_others_.counts[self] = 0;
    home_.counts.assign(everyones_.counts.size(), everyones_.counts[self]);
    lay_out(home_);
    home_.counts[self] = 0;
  }

  /// Finds the copies for this rank's experts.
  void group() {
    copies_.reset(all_tokens_);
    const std::int32_t first_expert = transport_.placement.first_expert(comm_.rank());
    const std::int32_t num_local = transport_.placement.num_local(comm_.rank());
    const std::vector<CopyLabel>& labels = transport_.is_alone() ? labels_ : all_labels_;
    for (std::size_t copy = 0; copy < labels.size(); ++copy) {
      const std::int32_t local = labels[copy].expert - first_expert;
      copies_.experts()[copy] = local >= 0 && local < num_local ? local : -1;
      copies_.weights()[copy] = labels[copy].weight;
    }
    copies_.group();
  }

  std::span<const float> table_of(const CombineWeights& weights) {
    if (weights.kind == CombineWeights::Kind::none) return ones(copies_.weights().size());
    if (weights.kind == CombineWeights::Kind::of_routing) return copies_.weights();
    if (transport_.is_alone()) return weights.values.host();
    all_weights_.resize(static_cast<std::size_t>(all_tokens_ * transport_.top_k));
    all_gather(weights.values.host().data(), transport_.weights_type, all_weights_.data());
    return all_weights_;
  }

  std::span<const float> ones(std::size_t size) {
    if (ones_.size() < size) ones_.resize(size, 1.0f);
    return std::span<const float>(ones_).first(size);
  }

  /// This rank's tokens' `own` to everybody, in rank order.
  void all_gather(const void* own, const RowType& type, void* all) const {
    mpi_check(MPI_Allgatherv(own, static_cast<int>(num_tokens_), type.get(), all, everyones_.counts.data(),
                             everyones_.offsets.data(), type.get(), comm_.get()),
              "MPI_Allgatherv");
  }

  void start_all_gather(const void* own, const RowType& type, void* all) {
    mpi_check(MPI_Iallgatherv(own, static_cast<int>(num_tokens_), type.get(), all, everyones_.counts.data(),
                              everyones_.offsets.data(), type.get(), comm_.get(), &gather_),
              "MPI_Iallgatherv");
  }

  AllGatherTransport& transport_;
  const Communicator& comm_;
  LocalCopies copies_;  // of everybody's tokens
  ConstRows x_;
  std::int64_t num_tokens_ = 0, all_tokens_ = 0;
  RowBlocks everyones_;                         // tokens, in rank order
  RowBlocks from_others_, home_;                // partial sums for others' tokens, and others' for this rank's
  std::vector<CopyLabel> labels_, all_labels_;  // [tokens, K], of global experts
  std::vector<float> all_weights_;              // [tokens, K], given for one combine
  Rows returned_;                               // [P,T] as rows
  std::vector<std::int64_t> row_of_partial_;    // [T,P], of returned rows
  std::vector<float> ones_;
  MPI_Request gather_ = MPI_REQUEST_NULL;
  CombineWeights::Kind weights_ = CombineWeights::Kind::of_routing;  // of the last combine
  bool is_grouped_ = false, plan_is_fresh_ = false, books_plan_ = false, dispatched_ = false, combined_ = false;
};

class AllGather final : public Dispatcher {
 public:
  explicit AllGather(const DispatchContext& context) : transport_(context) {}

  std::unique_ptr<Dispatch> make_dispatch() override { return std::make_unique<AllGatherDispatch>(transport_); }
  CombineOrder combine_order() const override { return CombineOrder::ranks; }
  RowRule row_rule() const override { return RowRule::everyone; }
  bool can_overlap() const override { return true; }

 private:
  AllGatherTransport transport_;
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) { return std::make_unique<AllGather>(context); }

/// The flat dispatchers hold the copies sent and received, this one everybody's tokens and the returned partial sums.
std::int64_t extra_bytes(const ExchangeVolume& volume) {
  const std::int64_t partials = volume.max_tokens * volume.num_ranks;
  const std::int64_t rows = volume.tokens_global + partials - volume.rows_sent - volume.rows_received;
  return std::max<std::int64_t>(rows, 0) * volume.row_bytes + volume.tokens_global * volume.top_k * 24 + partials * 12;
}

const DispatcherRegistration registration({"mpi-allgather", "all rows to everybody, partial sums of every token back",
                                           2, host_only, make, ""},
                                          extra_bytes);

}  // namespace
}  // namespace moeperf
