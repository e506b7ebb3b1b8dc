// reference: the oracle, obviously right and as costly as it looks.
//
//   plan:     every rank gathers every rank's choices (MPI_Allgatherv)
//   dispatch: and every rank's rows, and picks, expert by expert, those of the tokens that chose its experts
//   combine:  every rank gathers every expert output and sums its own tokens'
//
// Cost per rank of P: 2P messages of sizes, 3P of data; its T rows and T·K indices to everybody, and its expert outputs
// to everybody. Memory: all tokens, all expert outputs.

#include "comm/dispatch/booked_bytes.hpp"
#include "comm/dispatch/host_only.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"
#include "comm/mpi/row_type.hpp"

#include <utility>

namespace moeperf {
namespace {

/// How many elements each rank holds, and where they begin when all are put in rank order.
struct Shares {
  std::vector<int> counts, offsets;
  std::int64_t total = 0;

  Shares(const std::vector<std::int64_t>& sizes, std::int64_t factor) {
    for (const std::int64_t size : sizes) {
      counts.push_back(mpi_count(size * factor, "gathered elements"));
      offsets.push_back(mpi_count(total, "gathered elements"));
      total += size * factor;
    }
  }
};

void all_gather(const Communicator& comm, const void* own, const Shares& shares, MPI_Datatype type, void* all) {
  mpi_check(MPI_Allgatherv(own, shares.counts[static_cast<std::size_t>(comm.rank())], type, all, shares.counts.data(),
                           shares.offsets.data(), type, comm.get()),
            "MPI_Allgatherv");
}

class ReferenceDispatch final : public Dispatch {
 public:
  explicit ReferenceDispatch(const DispatchContext& context)
      : comm_(*context.comm),
        placement_(context.placement),
        permuter_(context.kernels->make_permuter()),
        rows_(context.dispatch_format().bytes()),
        expert_out_rows_(context.combine_format().bytes()),
        top_k_(context.top_k),
        all_x_(0, context.dispatch_format()),
        received_(0, context.dispatch_format()),
        all_expert_out_(0, context.combine_format()) {}

  void plan(const Routing& routing) override {
    routing_ = &routing;
    tokens_ = comm_.all_gather(routing.num_tokens);
    const Shares choices(tokens_, top_k_);
    all_idx_.resize(static_cast<std::size_t>(choices.total));
    all_gather(comm_, routing.topk_idx.data(), choices, MPI_INT32_T, all_idx_.data());
    first_copy_ = choices.offsets[static_cast<std::size_t>(comm_.rank())];
    offsets_.assign(1, 0);
    source_.clear();
    const std::int32_t last = placement_.first_expert(comm_.rank() + 1);
    for (std::int32_t expert = placement_.first_expert(comm_.rank()); expert < last; ++expert) {
      for (std::size_t copy = 0; copy < all_idx_.size(); ++copy) {
        if (all_idx_[copy] == expert) source_.push_back(static_cast<std::int64_t>(copy) / top_k_);
      }
      offsets_.push_back(static_cast<std::int64_t>(source_.size()));
    }
    dispatch_bytes_ = combine_bytes_ = {};
    plan_bytes_ = sent_to_all(static_cast<std::int64_t>(routing.topk_idx.size() * sizeof(std::int32_t)), true);
  }

  void start_dispatch(ConstRows rows, Overlap) override {
    const Shares shares(tokens_, 1);
    all_x_.resize(shares.total);
    all_gather(comm_, rows.data(), shares, rows_.get(), all_x_.rows().data());
    dispatch_bytes_ = sent_to_all(rows.bytes(), false);
    dispatch_bytes_ += std::exchange(plan_bytes_, {});
  }

  ReceivedTokens finish_dispatch() override {
    received_.resize(offsets_.back());
    for (std::int64_t i = 0; i < offsets_.back(); ++i) {
      copy_rows(std::as_const(all_x_).rows().slice(source_[static_cast<std::size_t>(i)], 1),
                received_.rows().slice(i, 1));
    }
    return {std::as_const(received_).rows(), RowGroups::contiguous(offsets_)};
  }

  void start_combine(ConstRows expert_out, const CombineWeights& weights, Overlap) override {
    weights_ = weights;
    const Shares rows(comm_.all_gather(expert_out.num_rows()), 1);
    all_expert_out_.resize(rows.total);
    all_gather(comm_, expert_out.data(), rows, expert_out_rows_.get(), all_expert_out_.rows().data());
    combine_bytes_ = sent_to_all(expert_out.bytes(), true);
  }

  void finish_combine(Rows out) override {
    // Expert outputs in rank order are in expert order (placement is contiguous), and by copy within an expert.
    std::vector<std::int64_t> expert_out_of_copy(all_idx_.size(), -1);
    std::int64_t next = 0;
    for (std::int32_t expert = 0; expert < placement_.num_experts(); ++expert) {
      for (std::size_t copy = 0; copy < all_idx_.size(); ++copy) {
        if (all_idx_[copy] == expert) expert_out_of_copy[copy] = next++;
      }
    }
    const std::size_t num_copies = routing_->topk_idx.size();
    const auto own = std::span(expert_out_of_copy).subspan(static_cast<std::size_t>(first_copy_), num_copies);
    std::vector<float> factors(num_copies, 1.0f);
    if (weights_.kind != CombineWeights::Kind::none) {
      const bool given = weights_.kind == CombineWeights::Kind::given;
      const std::span<const float> source = given ? weights_.values.host() : routing_->topk_weights.host();
      factors.assign(source.begin(), source.end());
    }
    permuter_->weighted_sum(std::as_const(all_expert_out_).rows(), own, factors, top_k_, out);
  }

  WireBytes dispatch_bytes() const override { return dispatch_bytes_; }
  WireBytes combine_bytes() const override { return combine_bytes_; }

 private:
  /// `said`: how much, beforehand.
  WireBytes sent_to_all(std::int64_t bytes, bool said) const {
    const std::int64_t size_bytes = said ? sizeof(std::int64_t) : 0;
    WireBytes wire;
    for (int r = 0; r < comm_.size(); ++r) book(wire, comm_, r, bytes + (r == comm_.rank() ? 0 : size_bytes));
    return wire;
  }

  const Communicator& comm_;
  Placement placement_;
  std::unique_ptr<Permuter> permuter_;
  RowType rows_, expert_out_rows_;
  std::int32_t top_k_;
  const Routing* routing_ = nullptr;
  CombineWeights weights_;
  RowBuffer all_x_, received_, all_expert_out_;
  std::vector<std::int64_t> tokens_;  ///< [P]
  std::vector<std::int32_t> all_idx_;
  std::int64_t first_copy_ = 0;        ///< of this rank, among all_idx_
  std::vector<std::int64_t> source_;   ///< rows of all_x_ that were received
  std::vector<std::int64_t> offsets_;  ///< [L+1]
  WireBytes plan_bytes_, dispatch_bytes_, combine_bytes_;
};

class ReferenceDispatcher final : public Dispatcher {
 public:
  explicit ReferenceDispatcher(const DispatchContext& context) : context_(context) {}
  std::unique_ptr<Dispatch> make_dispatch() override { return std::make_unique<ReferenceDispatch>(context_); }
  RowRule row_rule() const override { return RowRule::gathered; }

 private:
  DispatchContext context_;
};

std::unique_ptr<Dispatcher> make(const DispatchContext& context) {
  return std::make_unique<ReferenceDispatcher>(context);
}

const DispatcherRegistration registration({"reference", "every rank gathers everything: the oracle", 0, host_only, make,
                                           ""},
                                          [](const ExchangeVolume& volume) {
                                            return volume.tokens_global * ((1 + volume.top_k) * volume.row_bytes +
                                                                           volume.top_k * std::int64_t{20});
                                          });

}  // namespace
}  // namespace moeperf
