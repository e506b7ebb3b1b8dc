// mpi-two-level: one copy of a token per destination node, to the rank with the same place there (its rail); inside a
// node everybody reads from shared memory. Combine is the mirror, reduced per node before it travels.
//
//   plan:     all-gather how many rows each rank sends to each node, for how many copies
//   dispatch: own rows for the own node go into the node's memory, others to the rails, which receive straight into the
//             node's memory, each row with its token's experts and weights (along a plan once); the node's ranks meet;
//             each sorts the node's copies by expert and gathers its own
//   combine:  expert outputs lie in the node's memory; the node's ranks meet; each rail sums what its rows' experts on
//             this node answered and sends the partial sums back; the source adds them, nodes ascending
//
// On one node nothing travels: a row is copied into shared memory once per token, and from there once per copy; of the
// expert outputs nothing is copied that was written where expert_out_space() says.
//
// Cost per rank of P on M nodes: one MPI_Allgather of 2·M counts; per other node at most two messages out (rows; K·8
// bytes for each row) and one back; a meeting of the node's ranks each way. Under uniform routing a row leaves its node
// G·(M−1)/M times, G = M·(1 − C(E−E/M, K)/C(E, K)), where each copy on its own would leave K·(M−1)/M times; routing
// that limits a token to few nodes saves more. Each rank looks at the K choices of every row on its node. Memory beside
// the rows sent: the node's rows and expert outputs, shared by its ranks.
//
// Hierarchical all-to-all: Tutel (arXiv 2206.03382), DeepEP's inter-node kernels; ours is pulled by the reader inside
// the node instead of pushed by the carrier, so that rows are copied straight into their groups.

#include "comm/dispatch/booked_bytes.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/two_level_transport.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace moeperf {
namespace {

class TwoLevelDispatch final : public Dispatch {
 public:
  explicit TwoLevelDispatch(TwoLevelTransport& transport)
      : transport_(transport), comm_(transport.comm), rails_(transport.rails), blocks_(comm_, rails_) {}

  std::optional<Rows> expert_out_space() override { return node_expert_out().slice(first_received(), num_received()); }

  void plan(const Routing& routing) override {
    routing_ = &routing;
    blocks_.make(routing, *transport_.permuter);
    transport_.all_have_met();
    transport_.make_room(blocks_);
    plan_is_fresh_ = true;
    dispatched_ = combined_ = false;
  }

  void start_dispatch(ConstRows rows, Overlap) override {
    transport_.meet_before_writing();
    books_plan_ = std::exchange(plan_is_fresh_, false);
    sends_choices_ = books_plan_;
    receive_rows();
    transport_.packed.reserve(blocks_.packing().num_rows() * transport_.out.bytes());
    transport_.packed_choices.reserve(transport_.choices_bytes(blocks_.packing().num_rows()));
    for (int step = 1; step < comm_.num_nodes(); ++step) send_rows(rows, (comm_.node() + step) % comm_.num_nodes());
    keep_rows(rows);
  }

  ReceivedTokens finish_dispatch() override {
    transport_.wait();
    transport_.rows.fence();
    if (sends_choices_) sort_copies();
    dispatched_ = true;
    transport_.grouped.reserve(num_received() * transport_.out.bytes());
    const Rows grouped(transport_.grouped.data(), num_received(), transport_.out);
    if (num_received() > 0) {
      transport_.permuter->gather(node_rows(), grouping_.token_of_row.view().part(first_received(), num_received()),
                                  grouped);
    }
    return {grouped, RowGroups::contiguous(local_offsets_)};
  }

  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap) override {
    combined_ = true;
    weights_kind_ = weights.kind;
    const Rows own = node_expert_out().slice(first_received(), num_received());
    if (expert_out.data() != own.data()) {
      transport_.wait_for_readers();
      copy_rows(expert_out, own);
    }
    if (weights.kind == CombineWeights::Kind::given) send_weights(weights.values.host());
    transport_.expert_out.fence();
    transport_.returned.reserve(blocks_.packing().num_rows() * transport_.back.bytes());
    for (int step = 1; step < comm_.num_nodes(); ++step) {
      receive_sums((comm_.node() + step) % comm_.num_nodes());
    }
    std::int64_t rows = 0;
    for (const int source : rails_.sources()) rows += blocks_.count(source, comm_.node());
    transport_.sums.reserve(rows * transport_.back.bytes());
    std::int64_t row = 0;
    for (const int source : rails_.sources()) {
      const std::int64_t count = blocks_.count(source, comm_.node());
      const Rows sums = Rows(transport_.sums.data(), rows, transport_.back).slice(row, count);
      sum_block(source, sums);
      transport_.send(sums, source, sums_tag, transport_.back_type);
      row += count;
    }
    sums_are_final_ = comm_.num_nodes() == 1 && blocks_.num_rows_of_self() == routing_->num_tokens;
    if (!sums_are_final_) {
      sum_block(comm_.rank(), returned().slice(blocks_.first_row_to(comm_.node()), blocks_.num_rows_of_self()));
      transport_.read_all_expert_out();
    }
  }

  void finish_combine(Rows out) override {
    if (sums_are_final_) {
      // One node, and every token has a row: the node's sum is the token's.
      sum_block(comm_.rank(), out);
      transport_.read_all_expert_out();
    }
    transport_.end_combine();
    transport_.wait();
    if (sums_are_final_) return;
    const Array<std::int64_t>& rows = blocks_.packing().row_of_copy;
    transport_.permuter->weighted_sum(returned(), rows, ones(rows.size()), blocks_.width(), out);
  }

  void progress() override { transport_.progress(); }

  // Rows and expert outputs that another rank of the node reads count as sent by the rank whose they are.

  WireBytes dispatch_bytes() const override {
    WireBytes wire;
    if (!dispatched_) return wire;
    const auto choices_bytes = [&](std::int64_t rows) { return books_plan_ ? transport_.choices_bytes(rows) : 0; };
    for (int r = 0; books_plan_ && r < comm_.size(); ++r) {
      if (r != comm_.rank()) book(wire, comm_, r, blocks_.counts_bytes());
    }
    for (int node = 0; node < comm_.num_nodes(); ++node) {
      const std::int64_t rows = blocks_.count(comm_.rank(), node);
      if (node != comm_.node()) {
        book(wire, comm_, rails_.carrier(comm_.rank(), node), rows * transport_.out.bytes() + choices_bytes(rows));
      }
    }
    for_each_carried_copy([&](int carrier, int reader) {
      if (carrier == comm_.rank()) book(wire, comm_, reader, transport_.out.bytes());
    });
    for (const int reader : comm_.ranks_of_node(comm_.node())) {
      if (reader != comm_.rank()) book(wire, comm_, reader, choices_bytes(num_carried()));
    }
    return wire;
  }

  WireBytes combine_bytes() const override {
    WireBytes wire;
    if (!combined_) return wire;
    for (const int source : rails_.sources()) {
      book(wire, comm_, source, blocks_.count(source, comm_.node()) * transport_.back.bytes());
    }
    for_each_carried_copy([&](int carrier, int owner) {
      if (owner == comm_.rank()) book(wire, comm_, carrier, transport_.back.bytes());
    });
    if (weights_kind_ != CombineWeights::Kind::given) return wire;
    for (int node = 0; node < comm_.num_nodes(); ++node) {
      const std::int64_t bytes = transport_.weights_bytes(blocks_.count(comm_.rank(), node));
      if (node != comm_.node()) book(wire, comm_, rails_.carrier(comm_.rank(), node), bytes);
    }
    return wire;
  }

 private:
  static constexpr int rows_tag = 1, choices_tag = 2, sums_tag = 3, weights_tag = 4;

  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

  std::byte* choices_of(int source) const {
    return transport_.choices.data() + transport_.choices_bytes(blocks_.first_row_from(source));
  }

  ConstRows node_rows() const { return Rows(transport_.rows.data(), blocks_.num_rows(), transport_.out); }
  Rows node_expert_out() const { return Rows(transport_.expert_out.data(), grouping_.num_rows(), transport_.back); }
  Rows returned() const { return Rows(transport_.returned.data(), blocks_.packing().num_rows(), transport_.back); }

  Rows block(int source) const {
    return Rows(transport_.rows.data(), blocks_.num_rows(), transport_.out)
        .slice(blocks_.first_row_from(source), blocks_.count(source, comm_.node()));
  }

  /// Of the node's copies by expert, those of this rank's experts.
  std::int64_t first_received() const { return first_copy_at(comm_.rank_on_node()); }
  std::int64_t num_received() const { return first_copy_at(comm_.rank_on_node() + 1) - first_received(); }
  std::int64_t first_copy_at(int place) const {
    return grouping_.offsets.empty() ? 0 : grouping_.offsets[at(rails_.first_node_expert(place))];
  }

  /// Rows that this rank brings to its node: its own, and those of its rail.
  std::int64_t num_carried() const {
    std::int64_t rows = blocks_.num_rows_of_self();
    for (const int source : rails_.sources()) rows += blocks_.count(source, comm_.node());
    return rows;
  }

  void receive_rows() {
    for (const int source : rails_.sources()) {
      transport_.receive(block(source), source, rows_tag, transport_.out_type);
      if (!sends_choices_) continue;
      const std::int64_t rows = blocks_.count(source, comm_.node());
      transport_.receive(Rows(choices_of(source), rows, transport_.choices_bytes(1), DType::u8), source, choices_tag,
                         transport_.choices_type);
    }
  }

  void send_rows(ConstRows x, int node) {
    const std::int64_t first = blocks_.first_row_to(node);
    const std::int64_t count = blocks_.count(comm_.rank(), node);
    if (count == 0) return;
    const Rows rows(transport_.packed.data() + first * transport_.out.bytes(), count, transport_.out);
    const Rows choices(transport_.packed_choices.data() + transport_.choices_bytes(first), count,
                       transport_.choices_bytes(1), DType::u8);
    pack(x, node, rows, choices.row_data(0));
    const int carrier = rails_.carrier(comm_.rank(), node);
    transport_.send(rows, carrier, rows_tag, transport_.out_type);
    if (sends_choices_) transport_.send(choices, carrier, choices_tag, transport_.choices_type);
  }

  void keep_rows(ConstRows x) {
    if (blocks_.num_rows_of_self() > 0) pack(x, comm_.node(), block(comm_.rank()), choices_of(comm_.rank()));
  }

  std::span<const std::int64_t> tokens_for(int node) const {
    return blocks_.packing().token_of_row.host().subspan(at(blocks_.first_row_to(node)),
                                                         at(blocks_.count(comm_.rank(), node)));
  }

  /// This rank's rows for a node, and the choices of their tokens.
  void pack(ConstRows x, int node, Rows rows, std::byte* choices) {
    const std::span<const std::int64_t> tokens = tokens_for(node);
    transport_.permuter->gather(x, tokens, rows);
    if (!sends_choices_) return;
    const std::int32_t top_k = transport_.top_k;
    auto* experts = reinterpret_cast<std::int32_t*>(choices);
    auto* weights = reinterpret_cast<float*>(experts + at(rows.num_rows() * top_k));
    for (const std::int64_t token : tokens) {
      experts = std::copy_n(routing_->topk_idx.data() + token * top_k, top_k, experts);
      weights = std::copy_n(routing_->topk_weights.data() + token * top_k, top_k, weights);
    }
  }

  /// The node's copies by expert, from what its ranks know of their rows, and the weights of those that this rank sums:
  /// the node's memory will hold those of another handle.
  void sort_copies() {
    const std::int32_t top_k = transport_.top_k;
    node_expert_.resize(at(blocks_.num_rows() * top_k));
    std::int32_t* to = node_expert_.data();
    for (int source = 0; source < comm_.size(); ++source) {
      const auto* experts = reinterpret_cast<const std::int32_t*>(choices_of(source));
      const std::int64_t copies = blocks_.count(source, comm_.node()) * top_k;
      to = std::transform(experts, experts + copies, to, [&](std::int32_t e) { return rails_.node_expert(e); });
    }
    carried_weights_.resize(at(num_carried() * top_k));
    float* weight = carried_weights_.data();
    const auto keep = [&](int source) {
      const std::int64_t copies = blocks_.count(source, comm_.node()) * top_k;
      weight = std::copy_n(reinterpret_cast<const float*>(choices_of(source)) + copies, copies, weight);
    };
    keep(comm_.rank());
    for (const int source : rails_.sources()) keep(source);
    transport_.permuter->plan(node_expert_, blocks_.num_rows(), top_k, rails_.num_node_experts(), grouping_);
    const std::int32_t first = rails_.first_node_expert(comm_.rank_on_node());
    const std::int32_t last = rails_.first_node_expert(comm_.rank_on_node() + 1);
    local_offsets_.clear();
    for (std::int32_t e = first; e <= last; ++e) {
      local_offsets_.push_back(grouping_.offsets[at(e)] - grouping_.offsets[at(first)]);
    }
  }

  /// Other weights than the routing's to the rails, laid out as carried_weights_.
  void send_weights(std::span<const float> given) {
    const std::int32_t top_k = transport_.top_k;
    packed_weights_.resize(at(blocks_.packing().num_rows() * top_k));
    given_weights_.resize(carried_weights_.size());
    const auto pack_for = [&](int node, float* to) {
      for (const std::int64_t token : tokens_for(node)) to = std::copy_n(given.data() + token * top_k, top_k, to);
    };
    const auto as_rows = [&](float* from, std::int64_t rows) {
      return Rows(from, rows, transport_.weights_bytes(1), DType::u8);
    };
    pack_for(comm_.node(), given_weights_.data());
    float* to = given_weights_.data() + blocks_.num_rows_of_self() * top_k;
    for (const int source : rails_.sources()) {
      const std::int64_t rows = blocks_.count(source, comm_.node());
      transport_.receive(as_rows(to, rows), source, weights_tag, transport_.weights_type);
      to += rows * top_k;
    }
    for (int step = 1; step < comm_.num_nodes(); ++step) {
      const int node = (comm_.node() + step) % comm_.num_nodes();
      float* from = packed_weights_.data() + blocks_.first_row_to(node) * top_k;
      pack_for(node, from);
      transport_.send(as_rows(from, blocks_.count(comm_.rank(), node)), rails_.carrier(comm_.rank(), node), weights_tag,
                      transport_.weights_type);
    }
    transport_.wait();
  }

  /// sums[i] = what the experts of this node answered to row i of the source's block, weighted
  void sum_block(int source, Rows sums) {
    if (sums.num_rows() == 0) return;
    const std::int64_t copies = sums.num_rows() * transport_.top_k;
    const View<const std::int64_t> rows =
        grouping_.row_of_copy.view().part(blocks_.first_row_from(source) * transport_.top_k, copies);
    transport_.permuter->weighted_sum(node_expert_out(), rows, weights_of(source, copies), transport_.top_k, sums);
  }

  std::span<const float> weights_of(int source, std::int64_t copies) {
    if (weights_kind_ == CombineWeights::Kind::none) return ones(at(copies));
    const bool given = weights_kind_ == CombineWeights::Kind::given;
    std::int64_t first = source == comm_.rank() ? 0 : blocks_.num_rows_of_self();
    for (const int other : rails_.sources()) {
      if (source == comm_.rank() || other == source) break;
      first += blocks_.count(other, comm_.node());
    }
    return std::span<const float>(given ? given_weights_ : carried_weights_)
        .subspan(at(first * transport_.top_k), at(copies));
  }

  std::span<const float> ones(std::size_t size) {
    if (transport_.ones.size() < size) transport_.ones.resize(size, 1.0f);
    return std::span<const float>(transport_.ones).first(size);
  }

  void receive_sums(int node) {
    transport_.receive(returned().slice(blocks_.first_row_to(node), blocks_.count(comm_.rank(), node)),
                       rails_.carrier(comm_.rank(), node), sums_tag, transport_.back_type);
  }

  /// Calls body(rank that carries the row, rank of the expert) for every copy on this node.
  template <class Body>
  void for_each_carried_copy(Body body) const {
    const std::vector<int>& ranks = comm_.ranks_of_node(comm_.node());
    const std::int32_t* expert = node_expert_.data();
    for (int source = 0; source < comm_.size(); ++source) {
      const int carrier = rails_.carrier(source, comm_.node());
      for (std::int64_t copy = 0; copy < blocks_.count(source, comm_.node()) * transport_.top_k; ++copy, ++expert) {
        if (*expert >= 0) body(carrier, ranks[at(rails_.place_of_node_expert(*expert))]);
      }
    }
  }

  TwoLevelTransport& transport_;
  const Communicator& comm_;
  const Rails& rails_;
  NodeBlocks blocks_;
  const Routing* routing_ = nullptr;
  std::vector<std::int32_t> node_expert_;  // [rows on the node, K]
  PermutePlan grouping_;                   // of the node's copies by expert
  std::vector<std::int64_t> local_offsets_;
  // [carried rows, K], own ones first, then by source
  std::vector<float> carried_weights_, given_weights_;
  std::vector<float> packed_weights_;  // [packed rows, K], given for one combine
  CombineWeights::Kind weights_kind_ = CombineWeights::Kind::of_routing;
  bool plan_is_fresh_ = false, books_plan_ = false, sends_choices_ = false;
  bool sums_are_final_ = false, dispatched_ = false, combined_ = false;
};

class TwoLevel final : public Dispatcher {
 public:
  explicit TwoLevel(const DispatchContext& context) : transport_(context) {}

  std::unique_ptr<Dispatch> make_dispatch() override { return std::make_unique<TwoLevelDispatch>(transport_); }
  CombineOrder combine_order() const override { return CombineOrder::nodes; }
  RowRule row_rule() const override { return RowRule::nodes; }
  bool can_overlap() const override { return true; }

 private:
  TwoLevelTransport transport_;
};

std::optional<std::string> unsupported(const DispatchContext& context) {
  if (auto reason = host_only(context)) return reason;
  return why_no_node_memory(*context.comm);
}

std::unique_ptr<Dispatcher> make(const DispatchContext& context) { return std::make_unique<TwoLevel>(context); }

const DispatcherRegistration registration(
    {"mpi-two-level", "one copy per node over rails, shared memory inside a node, sums reduced per node", 8,
     unsupported, make, ""},
    [](const ExchangeVolume& volume) { return 2 * volume.rows_received * volume.row_bytes; });

}  // namespace
}  // namespace moeperf
