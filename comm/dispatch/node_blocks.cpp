#include "comm/dispatch/node_blocks.hpp"

#include "comm/mpi/count.hpp"
#include "comm/mpi/error.hpp"

#include <algorithm>

namespace moeperf {

void NodeBlocks::make(const Routing& routing, Permuter& permuter) {
  choose_nodes(routing);
  permuter.plan(node_of_copy_, routing.num_tokens, nodes_per_token_, comm_.num_nodes(), packing_);

  const auto num_nodes = static_cast<std::size_t>(comm_.num_nodes());
  const auto num_ranks = static_cast<std::size_t>(comm_.size());
  counts_.resize(num_ranks * num_nodes);
  int* own = counts_.data() + static_cast<std::size_t>(comm_.rank()) * num_nodes;
  for (std::size_t node = 0; node < num_nodes; ++node) {
    own[node] = mpi_count(packing_.offsets[node + 1] - packing_.offsets[node], "rows");
  }
  if (comm_.size() > 1) {
    mpi_check(
        MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, counts_.data(), comm_.num_nodes(), MPI_INT, comm_.get()),
        "MPI_Allgather");
  }
  first_row_.assign(1, 0);
  for (int source = 0; source < comm_.size(); ++source) {
    first_row_.push_back(first_row_.back() + count(source, comm_.node()));
  }
}

void NodeBlocks::choose_nodes(const Routing& routing) {
  nodes_per_token_ = std::min<std::int32_t>(routing.top_k, comm_.num_nodes());
  node_of_copy_.assign(static_cast<std::size_t>(routing.num_tokens * nodes_per_token_), -1);
  const std::int32_t* chosen = routing.topk_idx.data();
  std::int32_t* nodes = node_of_copy_.data();
  for (std::int64_t t = 0; t < routing.num_tokens; ++t, chosen += routing.top_k, nodes += nodes_per_token_) {
    std::int32_t* last = nodes;
    for (std::int32_t k = 0; k < routing.top_k; ++k) {
      if (chosen[k] < 0) continue;
      const std::int32_t node = rails_.node_of_expert(chosen[k]);
      std::int32_t* place = std::lower_bound(nodes, last, node);
      if (place != last && *place == node) continue;
      std::copy_backward(place, last, last + 1);
      *place = node;
      ++last;
    }
  }
}

}  // namespace moeperf
