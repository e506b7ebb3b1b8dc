#include "benchmarks/baselines/bare_exchange.hpp"

#include "benchmarks/verification/labelled_rows.hpp"
#include "comm/mpi/error.hpp"
#include "comm/wire_dispatcher.hpp"

#include <utility>

namespace moeperf {
namespace {

std::vector<int> prefix_sums(const std::vector<int>& counts) {
  std::vector<int> sums(counts.size() + 1, 0);
  for (std::size_t i = 0; i < counts.size(); ++i) sums[i + 1] = sums[i] + counts[i];
  return sums;
}

}  // namespace

RowFormat travelling_format(const ModelShape& model, BareExchange::Direction direction, WireType wire) {
  if (direction == BareExchange::Direction::dispatch) return wire_format(model.hidden, wire);
  return {model.hidden, combine_dtype(model.dtype, wire)};
}

BareExchange::BareExchange(const Problem& problem, const Routing& routing, Direction direction, WireType wire)
    : comm_(problem.comm()), row_(travelling_format(problem.workload().model, direction, wire).bytes()) {
  const auto ranks = static_cast<std::size_t>(problem.comm().size());
  send_counts_.assign(ranks, 0);
  receive_counts_.assign(ranks, 0);
  for (const std::int32_t expert : routing.topk_idx) {
    if (expert >= 0) ++send_counts_[static_cast<std::size_t>(problem.placement().owner(expert))];
  }
  mpi_check(MPI_Alltoall(send_counts_.data(), 1, MPI_INT, receive_counts_.data(), 1, MPI_INT, comm_.get()),
            "MPI_Alltoall");
  if (direction == Direction::combine) std::swap(send_counts_, receive_counts_);
  send_offsets_ = prefix_sums(send_counts_);
  receive_offsets_ = prefix_sums(receive_counts_);
  const RowFormat format = travelling_format(problem.workload().model, direction, wire);
  send_ = RowBuffer(send_offsets_.back(), format);
  receive_ = RowBuffer(receive_offsets_.back(), format);
  for (std::size_t to = 0; to < ranks; ++to) {
    label_rows(send_.rows().slice(send_offsets_[to], send_counts_[to]), comm_.rank(), static_cast<int>(to));
  }
}

void BareExchange::run() {
  mpi_check(
      MPI_Alltoallv(send_.rows().data(), send_counts_.data(), send_offsets_.data(), row_.get(), receive_.rows().data(),
                    receive_counts_.data(), receive_offsets_.data(), row_.get(), comm_.get()),
      "MPI_Alltoallv");
}

void BareExchange::poison() { moeperf::poison(receive_.rows()); }

void BareExchange::check(Checker& checker) const {
  for (std::size_t from = 0; from < receive_counts_.size(); ++from) {
    check_labels(checker, receive_.rows().slice(receive_offsets_[from], receive_counts_[from]), static_cast<int>(from),
                 comm_.rank());
  }
}

}  // namespace moeperf
