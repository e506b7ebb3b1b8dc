#include "comm/dispatch/flat_dispatcher.hpp"

#include "comm/dispatch/exchange_plan.hpp"
#include "comm/dispatch/wire_bytes.hpp"
#include "comm/mpi/communicator.hpp"

#include <utility>

namespace moeperf {
namespace {

class FlatDispatcher final : public Dispatcher {
 public:
  FlatDispatcher(const DispatchContext& context, std::unique_ptr<RowExchange> exchange)
      : comm_(*context.comm),
        exchange_(std::move(exchange)),
        queue_(context.kernels->queue()),
        placement_(context.num_experts, context.comm->size()),
        permuter_(context.kernels->make_permuter()),
        out_(context.dispatch_format()),
        back_(context.combine_format()),
        packed_(own_memory(context)),
        arrived_memory_(own_memory(context)),
        grouped_memory_(own_memory(context)) {}

  ReceivedTokens dispatch(ConstRows x, const Routing& routing) override {
    begin_dispatch(x, routing);
    if (comm_.size() > 1) exchange_->run(RowExchange::Way::out, packed(out_), arrived_);
    return end_dispatch();
  }

  void combine(ConstRows expert_out, Rows out) override {
    begin_combine(expert_out);
    if (comm_.size() > 1) exchange_->run(RowExchange::Way::back, answers_, returned_);
    end_combine(out);
  }

  bool can_split() const override { return exchange_->can_split(); }

  void start_dispatch(ConstRows x, const Routing& routing) override {
    begin_dispatch(x, routing);
    if (comm_.size() > 1) exchange_->start(RowExchange::Way::out, packed(out_), arrived_);
  }

  ReceivedTokens finish_dispatch() override {
    if (comm_.size() > 1) exchange_->finish(RowExchange::Way::out);
    return end_dispatch();
  }

  void start_combine(ConstRows expert_out) override {
    begin_combine(expert_out);
    if (comm_.size() > 1) exchange_->start(RowExchange::Way::back, answers_, returned_);
  }

  void finish_combine(Rows out) override {
    if (comm_.size() > 1) exchange_->finish(RowExchange::Way::back);
    end_combine(out);
  }

  void progress() override { exchange_->progress(); }

  RowRule row_rule() const override { return exchange_->row_rule(); }
  std::string row_path() const override { return exchange_->row_path(); }

  WireBytes dispatch_bytes() const override {
    WireBytes wire = rows_booked(RowExchange::Way::out);
    if (routing_ == nullptr) return wire;
    for (int r = 0; r < comm_.size(); ++r) {
      if (r != comm_.rank()) book(wire, comm_, r, ExchangePlan::counts_bytes(placement_));
    }
    return wire;
  }

  WireBytes combine_bytes() const override { return rows_booked(RowExchange::Way::back); }

 private:
  void begin_dispatch(ConstRows x, const Routing& routing) {
    x_ = x;
    routing_ = &routing;
    permuter_->plan(routing.topk_idx, routing.num_tokens, routing.top_k, placement_.num_experts(), packing_);
    plan_.make(comm_, placement_, packing_);
    packed_.reserve(packing_.num_slots() * out_.bytes());
    if (comm_.size() > 1) exchange_->prepare(plan_.send, plan_.arrive);
    arrived_ = landing(RowExchange::Way::out, plan_.num_arrived(), out_, arrived_memory_);

    const std::int64_t after_own = plan_.own_packed + plan_.own_rows;
    own_direct_ = !plan_.already_grouped && own_blocks_are_large();
    pack(0, plan_.own_packed, packed(out_), 0);
    if (!own_direct_) pack(plan_.own_packed, plan_.own_rows, arrived_, plan_.own_arrived);
    pack(after_own, packing_.num_slots() - after_own, packed(out_), after_own);
    queue_.wait();
  }

  ReceivedTokens end_dispatch() {
    if (plan_.already_grouped) return {arrived_, plan_.local_offsets};
    grouped_memory_.reserve(plan_.num_arrived() * out_.bytes());
    const Rows grouped = rows_in(grouped_memory_, plan_.num_arrived(), out_);
    std::int64_t filled = 0;
    if (own_direct_) {
      for (const ExchangePlan::OwnBlock& own : plan_.own_blocks) {
        regroup(filled, own.grouped, grouped);
        pack(own.packed, own.count, grouped, own.grouped);
        filled = own.grouped + own.count;
      }
    }
    regroup(filled, plan_.num_arrived(), grouped);
    queue_.wait();
    return {grouped, plan_.local_offsets};
  }

  void begin_combine(ConstRows expert_out) {
    answers_ = expert_out;
    if (comm_.size() == 1) return;
    returned_ = landing(RowExchange::Way::back, packing_.num_slots(), back_, packed_);
    ungroup(expert_out, plan_.own_arrived, plan_.own_rows, returned_, plan_.own_packed);
    if (!plan_.already_grouped) {
      const std::int64_t after_own = plan_.own_arrived + plan_.own_rows;
      arrived_memory_.reserve(plan_.num_arrived() * back_.bytes());
      const Rows to = rows_in(arrived_memory_, plan_.num_arrived(), back_);
      ungroup(expert_out, 0, plan_.own_arrived, to, 0);
      ungroup(expert_out, after_own, plan_.num_arrived() - after_own, to, after_own);
      answers_ = to;
    }
    queue_.wait();
  }

  void end_combine(Rows out) {
    permuter_->weighted_sum(comm_.size() == 1 ? answers_ : ConstRows(returned_), packing_.slot_of_copy,
                            routing_->topk_weights, routing_->top_k, out);
    queue_.wait();
  }

  MemoryResource& own_memory(const DispatchContext& context) {
    MemoryResource* wanted = exchange_->memory();
    return wanted != nullptr ? *wanted : context.kernels->memory();
  }

  static Rows rows_in(const Buffer& memory, std::int64_t num_rows, RowFormat format) {
    return Rows(memory.data(), num_rows, format, memory.space());
  }

  /// Where an exchange's rows arrive: the exchange's own memory if it has such, else `memory`.
  Rows landing(RowExchange::Way way, std::int64_t num_rows, RowFormat format, Buffer& memory) {
    if (comm_.size() > 1) {
      if (const auto rows = exchange_->landing(way, num_rows)) return *rows;
    }
    memory.reserve(num_rows * format.bytes());
    return rows_in(memory, num_rows, format);
  }

  Rows packed(RowFormat format) const { return rows_in(packed_, packing_.num_slots(), format); }

  /// Rows for the rank itself go straight to their groups at the price of two gathers per expert, which pays when
  /// they are long. Short ones (decode) take a place among the arrived instead and are regrouped with them.
  bool own_blocks_are_large() const {
    constexpr std::int64_t large = 64 << 10;
    return plan_.own_rows * out_.bytes() >= large * static_cast<std::int64_t>(plan_.own_blocks.size());
  }

  /// to[to_first + i] = x[token of packed row first + i]
  void pack(std::int64_t first, std::int64_t count, Rows to, std::int64_t to_first) {
    gather(x_, packing_.token_of_slot, first, count, to, to_first);
  }

  /// Fills the grouped rows [first, last) from those that arrived.
  void regroup(std::int64_t first, std::int64_t last, Rows grouped) {
    gather(arrived_, plan_.arrived_of_grouped, first, last - first, grouped, first);
  }

  /// to[to_first + i] = the answer to arrived row first + i
  void ungroup(ConstRows grouped, std::int64_t first, std::int64_t count, Rows to, std::int64_t to_first) {
    gather(grouped, plan_.grouped_of_arrived, first, count, to, to_first);
  }

  void gather(ConstRows from, std::span<const std::int64_t> source, std::int64_t first, std::int64_t count, Rows to,
              std::int64_t to_first) {
    if (count == 0) return;
    permuter_->gather(from, source.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                      to.slice(to_first, count));
  }

  WireBytes rows_booked(RowExchange::Way way) const {
    WireBytes wire;
    if (routing_ == nullptr) return wire;
    const RowFormat format = way == RowExchange::Way::out ? out_ : back_;
    for (int r = 0; r < comm_.size(); ++r) {
      book(wire, comm_, r, r == comm_.rank() ? plan_.own_rows * format.bytes() : exchange_->sent_bytes(way, r));
    }
    return wire;
  }

  const Communicator& comm_;
  std::unique_ptr<RowExchange> exchange_;
  Queue& queue_;
  Placement placement_;
  std::unique_ptr<Permuter> permuter_;
  const Routing* routing_ = nullptr;
  PermutePlan packing_;
  ExchangePlan plan_;
  RowFormat out_, back_;  // of rows by way
  Buffer packed_, arrived_memory_, grouped_memory_;
  ConstRows x_;
  Rows arrived_;       // of the last dispatch
  ConstRows answers_;  // of the last combine, in order of arrival
  Rows returned_;      // of the last combine, in packed order
  bool own_direct_ = false;
};

}  // namespace

std::unique_ptr<Dispatcher> make_flat_dispatcher(const DispatchContext& context,
                                                 std::unique_ptr<RowExchange> exchange) {
  return std::make_unique<FlatDispatcher>(context, std::move(exchange));
}

}  // namespace moeperf
