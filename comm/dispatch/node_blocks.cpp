#include "comm/dispatch/node_blocks.hpp"

#include "comm/dispatch/distinct_parts.hpp"
#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"

#include <algorithm>

namespace moeperf {

void NodeBlocks::make(const Routing& routing, Permuter& permuter) {
  nodes_per_token_ = std::min<std::int32_t>(routing.top_k, comm_.num_nodes());
  distinct_parts(routing, rails_.node_of_expert(), nodes_per_token_, node_of_copy_);
  permuter.plan(node_of_copy_, routing.num_tokens, nodes_per_token_, comm_.num_nodes(), packing_);

  const auto num_nodes = static_cast<std::size_t>(comm_.num_nodes());
  const auto num_ranks = static_cast<std::size_t>(comm_.size());
  counts_.resize(num_ranks * num_nodes);
  Counts* own = counts_.data() + static_cast<std::size_t>(comm_.rank()) * num_nodes;
  mpi_count(routing.num_tokens * routing.top_k, "copies");
  for (std::size_t node = 0; node < num_nodes; ++node) {
    own[node] = {mpi_count(packing_.offsets[node + 1] - packing_.offsets[node], "rows"), 0};
  }
  for (const std::int32_t expert : routing.topk_idx) {
    if (expert >= 0) ++own[rails_.node_of_expert()[static_cast<std::size_t>(expert)]].copies;
  }
  if (comm_.size() > 1) {
    const int numbers = mpi_count(num_nodes * sizeof(Counts) / sizeof(int), "numbers");
    mpi_check(MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, counts_.data(), numbers, MPI_INT, comm_.get()),
              "MPI_Allgather");
  }
  first_row_.assign(1, 0);
  for (int source = 0; source < comm_.size(); ++source) {
    first_row_.push_back(first_row_.back() + count(source, comm_.node()));
  }
}

std::int64_t NodeBlocks::rows_on(int node) const {
  std::int64_t rows = 0;
  for (int source = 0; source < comm_.size(); ++source) rows += counts(source, node).rows;
  return rows;
}

std::int64_t NodeBlocks::copies_on(int node) const {
  std::int64_t copies = 0;
  for (int source = 0; source < comm_.size(); ++source) copies += counts(source, node).copies;
  return copies;
}

}  // namespace moeperf
