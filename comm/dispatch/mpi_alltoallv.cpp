// mpi-alltoallv: the flat collective.
//
//   dispatch: sort the copies by expert; exchange the counts (MPI_Alltoall); pack the rows for other ranks;
//             exchange the rows (MPI_Alltoallv); regroup what arrived by local expert
//   combine:  the mirror: answers back into the order of arrival, MPI_Alltoallv, weighted sum
//
// Rows for the rank itself never touch MPI: they are gathered from x into their group, and from the group into
// the weighted sum's input. A rank alone calls no MPI at all.
//
// Cost per rank of P: one small MPI_Alltoall (P·ceil(E/P)·8 bytes) and P − 1 messages of rows for dispatch, P − 1
// for combine. A token's row goes out once per copy whose expert is elsewhere, K·(P−1)/P times under uniform
// routing, and comes back as often. Beside the exchange each such row is copied twice per direction, once where
// the receiver has a single expert. Memory: the copies sent and twice the copies received.

#include "comm/dispatch/exchange_plan.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatch/wire_bytes.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/row_type.hpp"

#include <utility>

namespace moeperf {
namespace {

class MpiAlltoallv final : public Dispatcher {
 public:
  explicit MpiAlltoallv(const DispatchContext& context)
      : comm_(*context.comm),
        placement_(context.num_experts, context.comm->size()),
        permuter_(context.kernels->make_permuter()),
        row_(context.hidden * size_bytes(context.dtype)),
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
    exchange(packed_.rows(), plan_.send_counts, plan_.send_offsets, arrived_.rows(), plan_.arrive_counts,
             plan_.arrive_offsets);
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
    exchange(answers, plan_.arrive_counts, plan_.arrive_offsets, packed_.rows(), plan_.send_counts, plan_.send_offsets);
    ungroup(expert_out, plan_.own_arrived, plan_.own_rows, packed_.rows(), plan_.own_packed);
    weighted_sum(std::as_const(packed_).rows(), out);
  }

  WireBytes dispatch_bytes() const override {
    if (routing_ == nullptr) return {};
    WireBytes wire = rows_booked(plan_.send_counts);
    for (int r = 0; r < comm_.size(); ++r) {
      if (r != comm_.rank()) book(wire, comm_, r, ExchangePlan::counts_bytes(placement_));
    }
    return wire;
  }

  WireBytes combine_bytes() const override { return rows_booked(plan_.arrive_counts); }

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

  void exchange(ConstRows from, const std::vector<int>& send_counts, const std::vector<int>& send_offsets, Rows to,
                const std::vector<int>& receive_counts, const std::vector<int>& receive_offsets) {
    if (comm_.size() == 1) return;
    mpi_check(MPI_Alltoallv(from.data(), send_counts.data(), send_offsets.data(), row_.get(), to.data(),
                            receive_counts.data(), receive_offsets.data(), row_.get(), comm_.get()),
              "MPI_Alltoallv");
  }

  void weighted_sum(ConstRows packed, Rows out) {
    permuter_->weighted_sum(packed, packing_.slot_of_copy, routing_->topk_weights, routing_->top_k, out);
  }

  WireBytes rows_booked(const std::vector<int>& counts) const {
    WireBytes wire;
    if (routing_ == nullptr) return wire;
    for (int r = 0; r < comm_.size(); ++r) {
      const std::int64_t rows = r == comm_.rank() ? plan_.own_rows : counts[static_cast<std::size_t>(r)];
      book(wire, comm_, r, rows * row_bytes());
    }
    return wire;
  }

  const Communicator& comm_;
  Placement placement_;
  std::unique_ptr<Permuter> permuter_;
  RowType row_;
  const Routing* routing_ = nullptr;
  PermutePlan packing_;
  ExchangePlan plan_;
  RowBuffer packed_, arrived_, grouped_;
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) { return std::make_unique<MpiAlltoallv>(context); }

const Registration registration(dispatcher_registry(),
                                {"mpi-alltoallv", "flat collective: counts, then rows, in MPI_Alltoallv", 10, host_only,
                                 make, ""});

}  // namespace
}  // namespace moeperf
