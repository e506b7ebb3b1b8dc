#include "comm/dispatch/exchange_plan.hpp"

#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"

#include <algorithm>

namespace moeperf {
namespace {

/// Experts of the ranks that hold most.
std::size_t most_local(const Placement& placement) { return static_cast<std::size_t>(placement.num_local(0)); }

}  // namespace

std::int64_t ExchangePlan::counts_bytes(const Placement& placement) {
  return static_cast<std::int64_t>(most_local(placement) * sizeof(std::int64_t));
}

void ExchangePlan::make(const Communicator& comm, const Placement& placement,
                        std::span<const std::int64_t> packed_offsets) {
  exchange_counts(comm, placement, packed_offsets);
  place_rows(comm, placement, packed_offsets);
  group_rows(comm, placement);
}

void ExchangePlan::exchange_counts(const Communicator& comm, const Placement& placement,
                                   std::span<const std::int64_t> packed_offsets) {
  // Every rank gets as many numbers as the ranks with most experts need: of MPI_Alltoall, unlike MPI_Alltoallv,
  // libraries have versions with log(P) messages, and this one is all latency.
  const std::size_t width = most_local(placement);
  counts_out_.assign(static_cast<std::size_t>(comm.size()) * width, 0);
  counts_in_.resize(counts_out_.size());
  for (int r = 0; r < comm.size(); ++r) {
    const auto first = static_cast<std::size_t>(placement.first_expert(r));
    const auto num_local = static_cast<std::size_t>(placement.num_local(r));
    for (std::size_t e = 0; e < num_local; ++e) {
      counts_out_[static_cast<std::size_t>(r) * width + e] = packed_offsets[first + e + 1] - packed_offsets[first + e];
    }
  }
  if (comm.size() == 1) {
    std::copy(counts_out_.begin(), counts_out_.end(), counts_in_.begin());
    return;
  }
  const int count = mpi_count(width, "counts");
  mpi_check(MPI_Alltoall(counts_out_.data(), count, MPI_INT64_T, counts_in_.data(), count, MPI_INT64_T, comm.get()),
            "MPI_Alltoall");
}

void ExchangePlan::place_rows(const Communicator& comm, const Placement& placement,
                              std::span<const std::int64_t> packed_offsets) {
  const auto num_ranks = static_cast<std::size_t>(comm.size());
  const std::size_t width = most_local(placement);
  for (auto* list : {&send.counts, &send.offsets, &arrive.counts, &arrive.offsets}) list->resize(num_ranks);
  std::int64_t arrived = 0;
  for (std::size_t r = 0; r < num_ranks; ++r) {
    const auto rank = static_cast<int>(r);
    const std::int64_t begin = packed_offsets[static_cast<std::size_t>(placement.first_expert(rank))];
    const std::int64_t end = packed_offsets[static_cast<std::size_t>(placement.first_expert(rank + 1))];
    send.counts[r] = mpi_count(end - begin, "rows");
    send.offsets[r] = mpi_count(begin, "rows");
    std::int64_t from_rank = 0;
    for (std::size_t e = 0; e < width; ++e) from_rank += counts_in_[r * width + e];
    arrive.counts[r] = mpi_count(from_rank, "rows");
    arrive.offsets[r] = mpi_count(arrived, "rows");
    arrived += from_rank;
  }
  send.num_rows = packed_offsets.back();
  arrive.num_rows = arrived;
  const auto self = static_cast<std::size_t>(comm.rank());
  own_packed = send.offsets[self];
  own_arrived = arrive.offsets[self];
  own_rows = send.counts[self];
  send.counts[self] = arrive.counts[self] = 0;
  arrived_of_grouped.resize(static_cast<std::size_t>(arrived));
  grouped_of_arrived.resize(static_cast<std::size_t>(arrived));
}

void ExchangePlan::group_rows(const Communicator& comm, const Placement& placement) {
  const auto num_ranks = static_cast<std::size_t>(comm.size());
  const auto num_local = static_cast<std::size_t>(placement.num_local(comm.rank()));
  const auto self = static_cast<std::size_t>(comm.rank());
  const std::size_t width = most_local(placement);
  already_grouped = num_ranks == 1 || num_local <= 1;
  local_offsets.assign(num_local + 1, 0);
  own_blocks.clear();
  next_arrived_.assign(arrive.offsets.begin(), arrive.offsets.end());
  std::int64_t grouped = 0;
  for (std::size_t e = 0; e < num_local; ++e) {
    for (std::size_t r = 0; r < num_ranks; ++r) {
      const std::int64_t count = counts_in_[r * width + e];
      std::int64_t& arrived = next_arrived_[r];
      if (r == self && count > 0) own_blocks.push_back({own_packed + arrived - own_arrived, grouped, count});
      for (std::int64_t i = 0; i < count; ++i) {
        arrived_of_grouped[static_cast<std::size_t>(grouped)] = arrived;
        grouped_of_arrived[static_cast<std::size_t>(arrived++)] = grouped++;
      }
    }
    local_offsets[e + 1] = grouped;
  }
}

}  // namespace moeperf
