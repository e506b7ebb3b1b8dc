// mpi-two-level: one copy of a token per destination node, to the rank with the same place there (its rail); inside a
// node everybody reads from shared memory. Combine is the mirror, reduced per node before it travels.
//
//   dispatch: all-gather how many rows each rank sends to each node, for how many copies; own rows for the own node go
//             into the node's memory, others to the rails, which receive straight into the node's memory, each row with
//             its token's experts and weights; the node's ranks meet; each sorts the node's copies by expert and
//             gathers its own
//   combine:  answers lie in the node's memory; the node's ranks meet; each rail sums what its rows' experts on this
//             node answered and sends the partial sums back; the source adds them, nodes ascending
//
// On one node nothing travels: a row is copied into shared memory once per token, and from there once per copy; of the
// answers nothing is copied that was written where answer_space() says.
//
// Cost per rank of P on M nodes: one MPI_Allgather of 2·M counts; per other node at most two messages out (rows; K·8
// bytes for each row) and one back; a meeting of the node's ranks each way. Under uniform routing a row leaves its node
// G·(M−1)/M times, G = M·(1 − C(E−E/M, K)/C(E, K)), where each copy on its own would leave K·(M−1)/M times; routing
// that limits a token to few nodes saves more. Each rank looks at the K choices of every row on its node. Memory beside
// the rows sent: the node's rows and answers, shared by its ranks.
//
// Hierarchical all-to-all: Tutel (arXiv 2206.03382), DeepEP's inter-node kernels; ours is pulled by the reader inside
// the node instead of pushed by the carrier, so that rows are copied straight into their groups.

#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/node_blocks.hpp"
#include "comm/dispatch/rails.hpp"
#include "comm/dispatch/wire_bytes.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/node_memory.hpp"
#include "comm/mpi/row_type.hpp"
#include "kernels/base/error.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <utility>

namespace moeperf {
namespace {

class TwoLevel final : public Dispatcher {
 public:
  explicit TwoLevel(const DispatchContext& context)
      : comm_(*context.comm),
        placement_(context.num_experts, context.comm->size()),
        rails_(comm_, placement_),
        blocks_(comm_, rails_),
        permuter_(context.kernels->make_permuter()),
        top_k_(context.top_k),
        out_(context.dispatch_format()),
        back_(context.combine_format()),
        out_type_(out_.bytes()),
        back_type_(back_.bytes()),
        choices_type_(choices_bytes(1)),
        node_rows_(comm_),
        node_choices_(comm_),
        node_answers_(comm_),
        node_progress_(comm_),
        rooms_(at(comm_.num_nodes())) {
    node_progress_.reserve(comm_.ranks_on_node() * progress_stride);
    progress_of(comm_.rank_on_node()).store(0);
    node_progress_.fence();
  }

  ReceivedTokens dispatch(ConstRows x, const Routing& routing) override {
    start_dispatch(x, routing);
    return finish_dispatch();
  }

  void combine(ConstRows expert_out, Rows out) override {
    start_combine(expert_out);
    finish_combine(out);
  }

  CombineOrder combine_order() const override { return CombineOrder::nodes; }
  RowRule row_rule() const override { return RowRule::nodes; }

  std::optional<Rows> answer_space() override { return node_answers().slice(first_answer(), num_received()); }

  bool can_split() const override { return true; }

  void start_dispatch(ConstRows x, const Routing& routing) override {
    routing_ = &routing;
    blocks_.make(routing, *permuter_);  // from here on nobody reads the node's memory for the last exchange any more
    make_room();
    receive_rows();
    packed_.reserve(blocks_.packing().num_slots() * out_.bytes());
    packed_choices_.reserve(choices_bytes(blocks_.packing().num_slots()));
    for (int step = 1; step < comm_.num_nodes(); ++step) send_rows(x, (comm_.node() + step) % comm_.num_nodes());
    keep_rows(x);
  }

  ReceivedTokens finish_dispatch() override {
    wait();
    node_rows_.fence();
    sort_copies();
    grouped_.reserve(num_received() * out_.bytes());
    const Rows grouped(grouped_.data(), num_received(), out_);
    if (num_received() > 0) {
      permuter_->gather(node_rows(), std::span(grouping_.token_of_slot).subspan(at(first_answer()), at(num_received())),
                        grouped);
    }
    return {grouped, local_offsets_};
  }

  void start_combine(ConstRows expert_out) override {
    const Rows own = node_answers().slice(first_answer(), num_received());
    if (expert_out.data() != own.data()) {
      wait_for_readers();
      copy_rows(expert_out, own);
    }
    node_answers_.fence();
    returned_.reserve(blocks_.packing().num_slots() * back_.bytes());
    for (int step = 1; step < comm_.num_nodes(); ++step) {
      receive_sums((comm_.node() + step) % comm_.num_nodes());
    }
    std::int64_t rows = 0;
    for (const int source : rails_.sources()) rows += blocks_.count(source, comm_.node());
    sums_.reserve(rows * back_.bytes());
    std::int64_t row = 0;
    for (const int source : rails_.sources()) {
      const std::int64_t count = blocks_.count(source, comm_.node());
      const Rows sums = Rows(sums_.data(), rows, back_).slice(row, count);
      sum_block(source, sums);
      send(sums, source, sums_tag, back_type_);
      row += count;
    }
    sums_are_final_ = comm_.num_nodes() == 1 && blocks_.num_rows_of_self() == routing_->num_tokens;
    if (!sums_are_final_) {
      sum_block(comm_.rank(), returned().slice(blocks_.first_row_to(comm_.node()), blocks_.num_rows_of_self()));
      progress_of(comm_.rank_on_node()).fetch_add(1, std::memory_order_release);
    }
  }

  void finish_combine(Rows out) override {
    if (sums_are_final_) {
      // One node, and every token has a row: the node's sum is the token's.
      sum_block(comm_.rank(), out);
      progress_of(comm_.rank_on_node()).fetch_add(1, std::memory_order_release);
    }
    ++num_combines_;
    wait();
    if (sums_are_final_) return;
    ones_.assign(blocks_.packing().slot_of_copy.size(), 1.0f);
    permuter_->weighted_sum(returned(), blocks_.packing().slot_of_copy, ones_, blocks_.width(), out);
  }

  void progress() override {
    if (requests_.empty()) return;
    int done = 0;
    mpi_check(MPI_Testall(mpi_count(requests_.size(), "messages"), requests_.data(), &done, MPI_STATUSES_IGNORE),
              "MPI_Testall");
    if (done != 0) requests_.clear();
  }

  // Rows and answers that another rank of the node reads count as sent by the rank whose they are.

  WireBytes dispatch_bytes() const override {
    WireBytes wire;
    if (routing_ == nullptr) return wire;
    for (int r = 0; r < comm_.size(); ++r) {
      if (r != comm_.rank()) book(wire, comm_, r, blocks_.counts_bytes());
    }
    for (int node = 0; node < comm_.num_nodes(); ++node) {
      const std::int64_t rows = blocks_.count(comm_.rank(), node);
      if (node != comm_.node()) {
        book(wire, comm_, rails_.carrier(comm_.rank(), node), rows * out_.bytes() + choices_bytes(rows));
      }
    }
    for_each_carried_copy([&](int carrier, int reader) {
      if (carrier == comm_.rank()) book(wire, comm_, reader, out_.bytes());
    });
    std::int64_t carried = blocks_.num_rows_of_self();
    for (const int source : rails_.sources()) carried += blocks_.count(source, comm_.node());
    for (const int reader : comm_.ranks_of_node(comm_.node())) {
      if (reader != comm_.rank()) book(wire, comm_, reader, choices_bytes(carried));
    }
    return wire;
  }

  WireBytes combine_bytes() const override {
    WireBytes wire;
    if (num_combines_ == 0) return wire;
    for (const int source : rails_.sources()) {
      book(wire, comm_, source, blocks_.count(source, comm_.node()) * back_.bytes());
    }
    for_each_carried_copy([&](int carrier, int owner) {
      if (owner == comm_.rank()) book(wire, comm_, carrier, back_.bytes());
    });
    return wire;
  }

 private:
  static constexpr int rows_tag = 1, choices_tag = 2, sums_tag = 3;
  static constexpr std::int64_t progress_stride = 64;  // a cache line for each rank

  static std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

  // Choices of `rows` rows of a block: K experts of each, then K weights of each.
  std::int64_t choices_bytes(std::int64_t rows) const { return rows * top_k_ * 8; }
  std::byte* choices_of(int source) const {
    return node_choices_.data() + choices_bytes(blocks_.first_row_from(source));
  }

  ConstRows node_rows() const { return Rows(node_rows_.data(), blocks_.num_rows(), out_); }
  Rows node_answers() const { return Rows(node_answers_.data(), grouping_.num_slots(), back_); }
  Rows returned() const { return Rows(returned_.data(), blocks_.packing().num_slots(), back_); }

  Rows block(int source) const {
    return Rows(node_rows_.data(), blocks_.num_rows(), out_)
        .slice(blocks_.first_row_from(source), blocks_.count(source, comm_.node()));
  }

  /// Of the node's copies by expert, those of this rank's experts.
  std::int64_t first_answer() const { return first_copy_at(comm_.rank_on_node()); }
  std::int64_t num_received() const { return first_copy_at(comm_.rank_on_node() + 1) - first_answer(); }
  std::int64_t first_copy_at(int place) const {
    return grouping_.offsets.empty() ? 0 : grouping_.offsets[at(rails_.first_node_expert(place))];
  }

  /// Every rank knows what every node's memory must hold, and so whether any of it grows: only then all ask whether
  /// there is room, before any node allocates. Throws UnsupportedError on all ranks.
  void make_room() {
    bool any_grows = false;
    std::int64_t fresh = 0;
    for (int node = 0; node < comm_.num_nodes(); ++node) {
      const std::int64_t rows = blocks_.rows_on(node);
      const std::array needed{rows * out_.bytes(), choices_bytes(rows), blocks_.copies_on(node) * back_.bytes()};
      for (std::size_t i = 0; i < needed.size(); ++i) {
        std::int64_t& room = rooms_[at(node)][i];
        const std::int64_t after = NodeMemory::room_after(room, needed[i]);
        if (after == room) continue;
        any_grows = true;
        if (node == comm_.node()) fresh += after;
        room = after;
      }
    }
    if (!any_grows) return;
    if (const auto reason = why_no_room(comm_, NodeMemory::share(comm_, fresh))) {
      throw UnsupportedError("mpi-two-level: " + *reason);
    }
    const auto& [rows_room, choices_room, answers_room] = rooms_[at(comm_.node())];
    node_rows_.reserve(rows_room);
    node_choices_.reserve(choices_room);
    node_answers_.reserve(answers_room);
  }

  void receive_rows() {
    for (const int source : rails_.sources()) {
      receive(block(source), source, rows_tag, out_type_);
      const std::int64_t rows = blocks_.count(source, comm_.node());
      receive(Rows(choices_of(source), rows, choices_bytes(1), DType::u8), source, choices_tag, choices_type_);
    }
  }

  void send_rows(ConstRows x, int node) {
    const std::int64_t first = blocks_.first_row_to(node);
    const std::int64_t count = blocks_.count(comm_.rank(), node);
    if (count == 0) return;
    const Rows rows(packed_.data() + first * out_.bytes(), count, out_);
    const Rows choices(packed_choices_.data() + choices_bytes(first), count, choices_bytes(1), DType::u8);
    pack(x, node, rows, choices.row_data(0));
    const int carrier = rails_.carrier(comm_.rank(), node);
    send(rows, carrier, rows_tag, out_type_);
    send(choices, carrier, choices_tag, choices_type_);
  }

  void keep_rows(ConstRows x) {
    if (blocks_.num_rows_of_self() > 0) pack(x, comm_.node(), block(comm_.rank()), choices_of(comm_.rank()));
  }

  /// This rank's rows for a node, and the choices of their tokens.
  void pack(ConstRows x, int node, Rows rows, std::byte* choices) {
    const auto tokens = std::span(blocks_.packing().token_of_slot)
                            .subspan(at(blocks_.first_row_to(node)), at(blocks_.count(comm_.rank(), node)));
    permuter_->gather(x, tokens, rows);
    auto* experts = reinterpret_cast<std::int32_t*>(choices);
    auto* weights = reinterpret_cast<float*>(experts + at(rows.num_rows() * top_k_));
    for (const std::int64_t token : tokens) {
      experts = std::copy_n(routing_->topk_idx.data() + token * top_k_, top_k_, experts);
      weights = std::copy_n(routing_->topk_weights.data() + token * top_k_, top_k_, weights);
    }
  }

  /// The node's copies by expert, from what its ranks know of their rows.
  void sort_copies() {
    node_expert_.resize(at(blocks_.num_rows() * top_k_));
    std::int32_t* to = node_expert_.data();
    for (int source = 0; source < comm_.size(); ++source) {
      const auto* experts = reinterpret_cast<const std::int32_t*>(choices_of(source));
      const std::int64_t copies = blocks_.count(source, comm_.node()) * top_k_;
      to = std::transform(experts, experts + copies, to, [&](std::int32_t e) { return rails_.node_expert(e); });
    }
    permuter_->plan(node_expert_, blocks_.num_rows(), top_k_, rails_.num_node_experts(), grouping_);
    const std::int32_t first = rails_.first_node_expert(comm_.rank_on_node());
    const std::int32_t last = rails_.first_node_expert(comm_.rank_on_node() + 1);
    local_offsets_.clear();
    for (std::int32_t e = first; e <= last; ++e) {
      local_offsets_.push_back(grouping_.offsets[at(e)] - grouping_.offsets[at(first)]);
    }
  }

  /// sums[i] = what the experts of this node answered to row i of the source's block, weighted
  void sum_block(int source, Rows sums) {
    if (sums.num_rows() == 0) return;
    const std::int64_t copies = sums.num_rows() * top_k_;
    const auto slots =
        std::span(grouping_.slot_of_copy).subspan(at(blocks_.first_row_from(source) * top_k_), at(copies));
    const auto* weights = reinterpret_cast<const float*>(choices_of(source)) + copies;
    permuter_->weighted_sum(node_answers(), slots, std::span(weights, at(copies)), top_k_, sums);
  }

  void receive_sums(int node) {
    receive(returned().slice(blocks_.first_row_to(node), blocks_.count(comm_.rank(), node)),
            rails_.carrier(comm_.rank(), node), sums_tag, back_type_);
  }

  void receive(Rows rows, int source, int tag, const RowType& type) {
    if (rows.num_rows() == 0) return;
    mpi_check(MPI_Irecv(rows.data(), mpi_count(rows.num_rows(), "rows"), type.get(), source, tag, comm_.get(),
                        &requests_.emplace_back()),
              "MPI_Irecv");
  }

  void send(ConstRows rows, int destination, int tag, const RowType& type) {
    if (rows.num_rows() == 0) return;
    mpi_check(MPI_Isend(rows.data(), mpi_count(rows.num_rows(), "rows"), type.get(), destination, tag, comm_.get(),
                        &requests_.emplace_back()),
              "MPI_Isend");
  }

  void wait() {
    mpi_check(MPI_Waitall(mpi_count(requests_.size(), "messages"), requests_.data(), MPI_STATUSES_IGNORE),
              "MPI_Waitall");
    requests_.clear();
  }

  // Combines of which a rank has read all answers, as the node's ranks see it: a combine that is repeated, with answers
  // from elsewhere, must not overwrite what a slower rank still reads for the one before.

  std::atomic_ref<std::int64_t> progress_of(int place) const {
    return std::atomic_ref(*reinterpret_cast<std::int64_t*>(node_progress_.data() + place * progress_stride));
  }

  void wait_for_readers() const {
    for (int place = 0; place < comm_.ranks_on_node(); ++place) {
      while (progress_of(place).load(std::memory_order_acquire) < num_combines_) std::this_thread::yield();
    }
  }

  /// Calls body(rank that carries the row, rank of the expert) for every copy on this node.
  template <class Body>
  void for_each_carried_copy(Body body) const {
    const std::vector<int>& ranks = comm_.ranks_of_node(comm_.node());
    const std::int32_t* expert = node_expert_.data();
    for (int source = 0; source < comm_.size(); ++source) {
      const int carrier = rails_.carrier(source, comm_.node());
      for (std::int64_t copy = 0; copy < blocks_.count(source, comm_.node()) * top_k_; ++copy, ++expert) {
        if (*expert >= 0) body(carrier, ranks[at(rails_.place_of_node_expert(*expert))]);
      }
    }
  }

  const Communicator& comm_;
  Placement placement_;
  Rails rails_;
  NodeBlocks blocks_;
  std::unique_ptr<Permuter> permuter_;
  std::int32_t top_k_;
  RowFormat out_, back_;
  RowType out_type_, back_type_, choices_type_;
  const Routing* routing_ = nullptr;
  Buffer packed_, packed_choices_;                      // for other nodes, in packing order
  NodeMemory node_rows_, node_choices_, node_answers_;  // shared by the node's ranks
  NodeMemory node_progress_;                            // [ranks on the node], combines read
  std::vector<std::array<std::int64_t, 3>> rooms_;      // [nodes]: bytes for rows, choices, answers
  std::vector<std::int32_t> node_expert_;               // [rows on the node, K]
  PermutePlan grouping_;                                // of the node's copies by expert
  std::vector<std::int64_t> local_offsets_;
  Buffer grouped_;   // received rows
  Buffer sums_;      // of carried rows, by source
  Buffer returned_;  // partial sums of own rows, in packing order
  bool sums_are_final_ = false;
  std::int64_t num_combines_ = 0;
  std::vector<float> ones_;
  std::vector<MPI_Request> requests_;
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
