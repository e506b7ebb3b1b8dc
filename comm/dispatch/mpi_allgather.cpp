// mpi-allgather: all ranks' rows and choices to everybody, a partial sum of every token back to its rank: the
// all-gather dispatcher of Megatron-LM, which need not know where a row is wanted before it sends it.
//
//   dispatch: MPI_Allgather of the numbers of tokens, MPI_Allgatherv of the choices (expert and weight) and of the
//             rows; each rank groups what its experts need by one gather straight from the gathered rows
//   combine:  the reduce-scatter. Each rank sums its experts' answers to every token of every rank, rounded to the
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
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/local_copies.hpp"
#include "comm/dispatch/wire_bytes.hpp"

#include <algorithm>
#include <array>

namespace moeperf {
namespace {

class AllGather final : public Dispatcher {
  using Way = RowExchange::Way;

 public:
  explicit AllGather(const DispatchContext& context)
      : comm_(*context.comm),
        exchange_(context),
        permuter_(context.kernels->make_permuter()),
        placement_(context.num_experts, context.comm->size()),
        copies_(*permuter_, placement_.num_local(comm_.rank()), context.top_k),
        out_(context.dispatch_format()),
        back_(context.combine_format()),
        row_type_(out_.bytes()),
        label_type_(context.top_k * static_cast<std::int64_t>(sizeof(CopyLabel))) {
    everyones_.counts.resize(static_cast<std::size_t>(comm_.size()));
  }

  CombineOrder combine_order() const override { return CombineOrder::ranks; }
  RowRule row_rule() const override { return RowRule::everyone; }

  ReceivedTokens dispatch(ConstRows x, const Routing& routing) override {
    begin_dispatch(x, routing);
    if (comm_.size() > 1) {
      all_gather(labels_.data(), label_type_, all_labels_.data());
      all_gather(x.data(), row_type_, gathered_memory_.data());
    }
    return end_dispatch();
  }

  void combine(ConstRows expert_out, Rows out) override {
    begin_combine(expert_out);
    if (comm_.size() > 1) exchange_.run(Way::back, partials_, returned_);
    end_combine(out);
  }

  bool can_split() const override { return true; }

  void start_dispatch(ConstRows x, const Routing& routing) override {
    begin_dispatch(x, routing);
    if (comm_.size() == 1) return;
    start_all_gather(labels_.data(), label_type_, all_labels_.data(), gathers_[0]);
    start_all_gather(x.data(), row_type_, gathered_memory_.data(), gathers_[1]);
  }

  ReceivedTokens finish_dispatch() override {
    mpi_check(MPI_Waitall(static_cast<int>(gathers_.size()), gathers_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
    return end_dispatch();
  }

  void start_combine(ConstRows expert_out) override {
    begin_combine(expert_out);
    if (comm_.size() > 1) exchange_.start(Way::back, partials_, returned_);
  }

  void finish_combine(Rows out) override {
    if (comm_.size() > 1) exchange_.finish(Way::back);
    end_combine(out);
  }

  void progress() override {
    int done = 0;
    for (const MPI_Request request : gathers_) {
      mpi_check(MPI_Request_get_status(request, &done, MPI_STATUS_IGNORE), "MPI_Request_get_status");
    }
    exchange_.progress();
  }

  WireBytes dispatch_bytes() const override {
    const std::int64_t token_bytes = out_.bytes() + copies_.width() * static_cast<std::int64_t>(sizeof(CopyLabel));
    WireBytes wire;
    for (int r = 0; dispatched_ && r < comm_.size(); ++r) {
      const bool self = r == comm_.rank();
      book(wire, comm_, r, num_tokens_ * token_bytes + (self ? 0 : static_cast<std::int64_t>(sizeof(int))));
    }
    return wire;
  }

  WireBytes combine_bytes() const override {
    WireBytes wire;
    for (int r = 0; dispatched_ && r < comm_.size(); ++r) book(wire, comm_, r, tokens_of(r) * back_.bytes());
    return wire;
  }

 private:
  void begin_dispatch(ConstRows x, const Routing& routing) {
    x_ = x;
    num_tokens_ = routing.num_tokens;
    labels_.resize(routing.topk_idx.size());
    for (std::size_t copy = 0; copy < labels_.size(); ++copy) {
      labels_[copy] = {routing.topk_idx[copy], routing.topk_weights[copy]};
    }
    const int own = mpi_count(num_tokens_, "tokens");
    mpi_check(MPI_Allgather(&own, 1, MPI_INT, everyones_.counts.data(), 1, MPI_INT, comm_.get()), "MPI_Allgather");
    all_tokens_ = lay_out(everyones_);
    dispatched_ = true;
    if (comm_.size() == 1) return;
    all_labels_.resize(static_cast<std::size_t>(all_tokens_ * copies_.width()));
    gathered_memory_.reserve(all_tokens_ * out_.bytes());
    prepare_way_back();
  }

  void prepare_way_back() {
    const auto self = static_cast<std::size_t>(comm_.rank());
    from_others_ = everyones_;
    from_others_.counts[self] = 0;
    home_.counts.assign(everyones_.counts.size(), everyones_.counts[self]);
    lay_out(home_);
    home_.counts[self] = 0;
    exchange_.prepare(home_, from_others_);
  }

  ReceivedTokens end_dispatch() {
    copies_.reset(all_tokens_);
    const std::int32_t first_expert = placement_.first_expert(comm_.rank());
    const std::int32_t num_local = placement_.num_local(comm_.rank());
    const std::vector<CopyLabel>& labels = comm_.size() == 1 ? labels_ : all_labels_;
    for (std::size_t copy = 0; copy < labels.size(); ++copy) {
      const std::int32_t local = labels[copy].expert - first_expert;
      copies_.experts()[copy] = local >= 0 && local < num_local ? local : -1;
      copies_.weights()[copy] = labels[copy].weight;
    }
    copies_.group();
    grouped_memory_.reserve(copies_.num_copies() * out_.bytes());
    const Rows grouped(grouped_memory_.data(), copies_.num_copies(), out_);
    const ConstRows rows = comm_.size() == 1 ? x_ : ConstRows(Rows(gathered_memory_.data(), all_tokens_, out_));
    permuter_->gather(rows, copies_.row_of_copy(), grouped);
    return {grouped, copies_.offsets()};
  }

  void begin_combine(ConstRows expert_out) {
    const std::int64_t first_own = everyones_.offsets[static_cast<std::size_t>(comm_.rank())];
    const std::int64_t after_own = first_own + num_tokens_;
    returned_memory_.reserve(num_tokens_ * comm_.size() * back_.bytes());
    returned_ = Rows(returned_memory_.data(), num_tokens_ * comm_.size(), back_);
    copies_.reduce(expert_out, first_own, num_tokens_, returned_.slice(num_tokens_ * comm_.rank(), num_tokens_));
    if (comm_.size() == 1) return;
    gathered_memory_.reserve(all_tokens_ * back_.bytes());
    partials_ = Rows(gathered_memory_.data(), all_tokens_, back_);
    copies_.reduce(expert_out, 0, first_own, partials_.slice(0, first_own));
    copies_.reduce(expert_out, after_own, all_tokens_ - after_own, partials_.slice(after_own, all_tokens_ - after_own));
  }

  void end_combine(Rows out) {
    const std::int64_t num_ranks = comm_.size();
    const auto size = static_cast<std::size_t>(num_tokens_ * num_ranks);
    if (slot_of_partial_.size() != size) {
      slot_of_partial_.resize(size);
      ones_.assign(size, 1.0f);
      for (std::int64_t t = 0; t < num_tokens_; ++t) {
        for (std::int64_t r = 0; r < num_ranks; ++r) {
          slot_of_partial_[static_cast<std::size_t>(t * num_ranks + r)] = r * num_tokens_ + t;
        }
      }
    }
    permuter_->weighted_sum(returned_, slot_of_partial_, ones_, comm_.size(), out);
  }

  std::int64_t tokens_of(int rank) const { return everyones_.counts[static_cast<std::size_t>(rank)]; }

  /// This rank's tokens' `own` to everybody, in rank order.
  void all_gather(const void* own, const RowType& type, void* all) const {
    mpi_check(MPI_Allgatherv(own, static_cast<int>(num_tokens_), type.get(), all, everyones_.counts.data(),
                             everyones_.offsets.data(), type.get(), comm_.get()),
              "MPI_Allgatherv");
  }

  void start_all_gather(const void* own, const RowType& type, void* all, MPI_Request& request) const {
    mpi_check(MPI_Iallgatherv(own, static_cast<int>(num_tokens_), type.get(), all, everyones_.counts.data(),
                              everyones_.offsets.data(), type.get(), comm_.get(), &request),
              "MPI_Iallgatherv");
  }

  const Communicator& comm_;
  AlltoallvExchange exchange_;  // of partial sums
  std::unique_ptr<Permuter> permuter_;
  Placement placement_;
  LocalCopies copies_;             // of everybody's tokens
  RowFormat out_, back_;           // of rows by way
  RowType row_type_, label_type_;  // of a token; label_type_: of its K labels
  ConstRows x_;
  std::int64_t num_tokens_ = 0, all_tokens_ = 0;
  RowBlocks everyones_;                         // tokens, in rank order
  RowBlocks from_others_, home_;                // partial sums for others' tokens, and others' for this rank's
  std::vector<CopyLabel> labels_, all_labels_;  // [tokens, K], of global experts
  Buffer gathered_memory_, grouped_memory_, returned_memory_;
  Rows partials_;                              // of everybody's tokens
  Rows returned_;                              // [P,T] as rows
  std::vector<std::int64_t> slot_of_partial_;  // [T,P], of returned rows
  std::vector<float> ones_;
  std::array<MPI_Request, 2> gathers_{MPI_REQUEST_NULL, MPI_REQUEST_NULL};  // of labels, of rows
  bool dispatched_ = false;
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
