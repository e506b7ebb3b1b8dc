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
        placement_(context.num_experts, context.comm->size()),
        permuter_(context.kernels->make_permuter()),
        packed_(0, context.hidden, context.dtype),
        arrived_(0, context.hidden, context.dtype),
        grouped_(0, context.hidden, context.dtype) {}

  ReceivedTokens dispatch(ConstRows x, const Routing& routing) override {
    routing_ = &routing;
    permuter_->plan(routing.topk_idx, routing.num_tokens, routing.top_k, placement_.num_experts(), packing_);
    plan_.make(comm_, placement_, packing_);
    packed_.resize(packing_.num_slots());
    arrived_.resize(plan_.num_arrived());

    const std::int64_t after_own = plan_.own_packed + plan_.own_rows;
    const bool own_direct = !plan_.already_grouped && own_blocks_are_large();
    pack(x, 0, plan_.own_packed, packed_.rows(), 0);
    if (!own_direct) pack(x, plan_.own_packed, plan_.own_rows, arrived_.rows(), plan_.own_arrived);
    pack(x, after_own, packing_.num_slots() - after_own, packed_.rows(), after_own);
    if (comm_.size() > 1) {
      exchange_->prepare(plan_.send, plan_.arrive);
      exchange_->run(RowExchange::Way::out, packed_.rows(), arrived_.rows());
    }
    if (plan_.already_grouped) return {std::as_const(arrived_).rows(), plan_.local_offsets};

    grouped_.resize(plan_.num_arrived());
    std::int64_t filled = 0;
    if (own_direct) {
      for (const ExchangePlan::OwnBlock& own : plan_.own_blocks) {
        regroup(filled, own.grouped);
        pack(x, own.packed, own.count, grouped_.rows(), own.grouped);
        filled = own.grouped + own.count;
      }
    }
    regroup(filled, plan_.num_arrived());
    return {std::as_const(grouped_).rows(), plan_.local_offsets};
  }

  void combine(ConstRows expert_out, Rows out) override {
    if (comm_.size() == 1) return weighted_sum(expert_out, out);
    const std::int64_t after_own = plan_.own_arrived + plan_.own_rows;
    ConstRows answers = expert_out;
    if (!plan_.already_grouped) {
      ungroup(expert_out, 0, plan_.own_arrived, arrived_.rows(), 0);
      ungroup(expert_out, after_own, plan_.num_arrived() - after_own, arrived_.rows(), after_own);
      answers = std::as_const(arrived_).rows();
    }
    exchange_->run(RowExchange::Way::back, answers, packed_.rows());
    ungroup(expert_out, plan_.own_arrived, plan_.own_rows, packed_.rows(), plan_.own_packed);
    weighted_sum(std::as_const(packed_).rows(), out);
  }

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
  /// Rows for the rank itself go straight to their groups at the price of two gathers per expert, which pays when
  /// they are long. Short ones (decode) take a place among the arrived instead and are regrouped with them.
  bool own_blocks_are_large() const {
    constexpr std::int64_t large = 64 << 10;
    return plan_.own_rows * row_bytes() >= large * static_cast<std::int64_t>(plan_.own_blocks.size());
  }

  std::int64_t row_bytes() const { return packed_.rows().row_bytes(); }

  /// to[to_first + i] = x[token of packed row first + i]
  void pack(ConstRows x, std::int64_t first, std::int64_t count, Rows to, std::int64_t to_first) {
    gather(x, packing_.token_of_slot, first, count, to, to_first);
  }

  /// Fills the grouped rows [first, last) from those that arrived.
  void regroup(std::int64_t first, std::int64_t last) {
    gather(std::as_const(arrived_).rows(), plan_.arrived_of_grouped, first, last - first, grouped_.rows(), first);
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

  void weighted_sum(ConstRows packed, Rows out) {
    permuter_->weighted_sum(packed, packing_.slot_of_copy, routing_->topk_weights, routing_->top_k, out);
  }

  WireBytes rows_booked(RowExchange::Way way) const {
    WireBytes wire;
    if (routing_ == nullptr) return wire;
    for (int r = 0; r < comm_.size(); ++r) {
      book(wire, comm_, r, r == comm_.rank() ? plan_.own_rows * row_bytes() : exchange_->sent_bytes(way, r));
    }
    return wire;
  }

  const Communicator& comm_;
  std::unique_ptr<RowExchange> exchange_;
  Placement placement_;
  std::unique_ptr<Permuter> permuter_;
  const Routing* routing_ = nullptr;
  PermutePlan packing_;
  ExchangePlan plan_;
  RowBuffer packed_, arrived_, grouped_;
};

}  // namespace

std::unique_ptr<Dispatcher> make_flat_dispatcher(const DispatchContext& context,
                                                 std::unique_ptr<RowExchange> exchange) {
  return std::make_unique<FlatDispatcher>(context, std::move(exchange));
}

}  // namespace moeperf
