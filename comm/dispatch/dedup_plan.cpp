#include "comm/dispatch/dedup_plan.hpp"

#include "comm/dispatch/distinct_parts.hpp"
#include "comm/mpi/error.hpp"

#include <algorithm>
#include <cassert>

namespace moeperf {

DedupPlan::DedupPlan(const Communicator& comm, const Placement& placement, Permuter& permuter, std::int32_t top_k)
    : copies(permuter, placement.num_local(comm.rank()),
             std::max(1, std::min(top_k, placement.num_local(comm.rank())))),
      comm_(comm),
      placement_(placement),
      permuter_(permuter),
      label_type_(sizeof(CopyLabel)),
      counts_type_(sizeof(PairCounts)),
      owner_(static_cast<std::size_t>(placement.num_experts())) {
  for (std::int32_t e = 0; e < placement.num_experts(); ++e) owner_[static_cast<std::size_t>(e)] = placement.owner(e);
  already_grouped = placement.num_local(comm.rank()) <= 1;
}

std::int64_t DedupPlan::metadata_bytes(int destination) const {
  const std::int64_t labels = labels_sent_.counts[static_cast<std::size_t>(destination)];
  return static_cast<std::int64_t>(sizeof(PairCounts) + labels * sizeof(CopyLabel));
}

std::int64_t DedupPlan::weights_bytes(int destination) const {
  return labels_sent_.counts[static_cast<std::size_t>(destination)] * static_cast<std::int64_t>(sizeof(float));
}

void DedupPlan::make(const Routing& routing) {
  const std::int32_t width = std::min(routing.top_k, comm_.size());
  distinct_parts(routing, owner_, width, destinations_);
  permuter_.plan(destinations_, routing.num_tokens, width, comm_.size(), packing);
  write_labels(routing);
  exchange_counts();
  exchange_labels();
}

void DedupPlan::write_labels(const Routing& routing) {
  const auto num_ranks = static_cast<std::size_t>(comm_.size());
  next_label_.assign(num_ranks, 0);
  mpi_count(routing.topk_idx.size(), "copies");
  for (const std::int32_t expert : routing.topk_idx) {
    if (expert >= 0) ++next_label_[static_cast<std::size_t>(owner_[static_cast<std::size_t>(expert)])];
  }
  labels_sent_.counts.assign(next_label_.begin(), next_label_.end());
  labels_out_.resize(static_cast<std::size_t>(lay_out(labels_sent_)));
  copy_of_label_.resize(labels_out_.size());
  next_label_.assign(labels_sent_.offsets.begin(), labels_sent_.offsets.end());
  last_token_.assign(num_ranks, -1);
  std::size_t copy = 0;
  for (std::int64_t t = 0; t < routing.num_tokens; ++t) {
    for (std::int32_t k = 0; k < routing.top_k; ++k, ++copy) {
      const std::int32_t expert = routing.topk_idx[copy];
      if (expert < 0) continue;
      const int rank = owner_[static_cast<std::size_t>(expert)];
      const auto r = static_cast<std::size_t>(rank);
      const std::int32_t local = expert - placement_.first_expert(rank);
      const auto label = static_cast<std::size_t>(next_label_[r]++);
      labels_out_[label] = {last_token_[r] == t ? local : ~local, routing.topk_weights[copy]};
      copy_of_label_[label] = static_cast<std::int64_t>(copy);
      last_token_[r] = t;
    }
  }
}

void DedupPlan::exchange_counts() {
  const auto num_ranks = static_cast<std::size_t>(comm_.size());
  const auto self = static_cast<std::size_t>(comm_.rank());
  counts_out_.resize(num_ranks);
  counts_in_.resize(num_ranks);
  send.counts.resize(num_ranks);
  arrive.counts.resize(num_ranks);
  labels_arrived_.counts.resize(num_ranks);
  for (std::size_t r = 0; r < num_ranks; ++r) {
    send.counts[r] = mpi_count(packing.offsets[r + 1] - packing.offsets[r], "rows");
    counts_out_[r] = {send.counts[r], labels_sent_.counts[r]};
  }
  counts_in_[self] = counts_out_[self];
  if (num_ranks > 1) {
    mpi_check(
        MPI_Alltoall(counts_out_.data(), 1, counts_type_.get(), counts_in_.data(), 1, counts_type_.get(), comm_.get()),
        "MPI_Alltoall");
  }
  for (std::size_t r = 0; r < num_ranks; ++r) {
    arrive.counts[r] = counts_in_[r].rows;
    labels_arrived_.counts[r] = counts_in_[r].labels;
  }
  lay_out(send);
  num_arrived = lay_out(arrive);
  labels_in_.resize(static_cast<std::size_t>(lay_out(labels_arrived_)));
  own_packed = send.offsets[self];
  own_arrived = arrive.offsets[self];
  own_rows = send.counts[self];
  send.counts[self] = arrive.counts[self] = 0;
}

void DedupPlan::exchange_labels() {
  const auto self = static_cast<std::size_t>(comm_.rank());
  std::copy_n(labels_out_.begin() + labels_sent_.offsets[self], labels_sent_.counts[self],
              labels_in_.begin() + labels_arrived_.offsets[self]);
  num_own_labels_ = labels_sent_.counts[self];
  labels_sent_.counts[self] = labels_arrived_.counts[self] = 0;
  if (comm_.size() == 1) return;
  mpi_check(MPI_Alltoallv(labels_out_.data(), labels_sent_.counts.data(), labels_sent_.offsets.data(),
                          label_type_.get(), labels_in_.data(), labels_arrived_.counts.data(),
                          labels_arrived_.offsets.data(), label_type_.get(), comm_.get()),
            "MPI_Alltoallv");
}

template <class Body>
void DedupPlan::for_each_place(const Body& body) const {
  const auto width = static_cast<std::size_t>(copies.width());
  std::size_t row_end = 0, place = 0;
  for (std::size_t label = 0; label < labels_in_.size(); ++label) {
    if (labels_in_[label].expert < 0) {
      place = row_end;
      row_end += width;
    }
    body(place++, label);
  }
}

void DedupPlan::group() {
  copies.reset(num_arrived);
  for_each_place([this](std::size_t place, std::size_t label) {
    assert(place < copies.experts().size());
    copies.experts()[place] = std::max(labels_in_[label].expert, ~labels_in_[label].expert);
    copies.weights()[place] = labels_in_[label].weight;
  });
  copies.group();
  find_own_blocks();
}

std::span<const float> DedupPlan::table_of(std::span<const float> weights) {
  weights_out_.resize(labels_out_.size());
  weights_in_.resize(labels_in_.size());
  for (std::size_t i = 0; i < weights_out_.size(); ++i) {
    weights_out_[i] = weights[static_cast<std::size_t>(copy_of_label_[i])];
  }
  const auto self = static_cast<std::size_t>(comm_.rank());
  std::copy_n(weights_out_.begin() + labels_sent_.offsets[self], num_own_labels_,
              weights_in_.begin() + labels_arrived_.offsets[self]);
  if (comm_.size() > 1) {
    mpi_check(MPI_Alltoallv(weights_out_.data(), labels_sent_.counts.data(), labels_sent_.offsets.data(), MPI_FLOAT,
                            weights_in_.data(), labels_arrived_.counts.data(), labels_arrived_.offsets.data(),
                            MPI_FLOAT, comm_.get()),
              "MPI_Alltoallv");
  }
  table_.resize(copies.weights().size());
  for_each_place([this](std::size_t place, std::size_t label) { table_[place] = weights_in_[label]; });
  return table_;
}

void DedupPlan::find_own_blocks() {
  own_blocks.clear();
  own_tokens.clear();
  const auto rows = copies.source_of_copy();
  for (std::size_t e = 0; e + 1 < copies.offsets().size(); ++e) {
    // Within a group rows ascend, and own rows are consecutive.
    const auto end = rows.begin() + copies.offsets()[e + 1];
    const auto first = std::lower_bound(rows.begin() + copies.offsets()[e], end, own_arrived);
    const auto last = std::lower_bound(first, end, own_arrived + own_rows);
    if (first == last) continue;
    const std::int64_t grouped = first - rows.begin();
    if (!own_blocks.empty() && own_blocks.back().grouped + own_blocks.back().count == grouped) {
      own_blocks.back().count += last - first;
    } else {
      own_blocks.push_back({grouped, last - first});
    }
    for (auto row = first; row != last; ++row) {
      own_tokens.push_back(packing.token_of_row[static_cast<std::size_t>(own_packed + *row - own_arrived)]);
    }
  }
}

}  // namespace moeperf
