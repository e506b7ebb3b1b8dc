#include "comm/dispatch/rails.hpp"

#include <algorithm>

namespace moeperf {

Rails::Rails(const Communicator& comm, const Placement& placement)
    : comm_(comm),
      place_(static_cast<std::size_t>(comm.size())),
      node_of_expert_(static_cast<std::size_t>(placement.num_experts())),
      node_expert_(static_cast<std::size_t>(placement.num_experts()) + 1, -1),
      first_node_expert_(1, 0) {
  for (int node = 0; node < comm.num_nodes(); ++node) {
    const std::vector<int>& ranks = comm.ranks_of_node(node);
    for (std::size_t place = 0; place < ranks.size(); ++place) {
      place_[static_cast<std::size_t>(ranks[place])] = static_cast<int>(place);
    }
  }
  for (int rank = 0; rank < comm.size(); ++rank) {
    const int node = comm.node_of_rank()[static_cast<std::size_t>(rank)];
    for (std::int32_t e = placement.first_expert(rank); e < placement.first_expert(rank + 1); ++e) {
      node_of_expert_[static_cast<std::size_t>(e)] = node;
    }
    if (node != comm.node() && carrier(rank, comm.node()) == comm.rank()) sources_.push_back(rank);
  }
  std::int32_t next = 0;
  for (const int rank : comm.ranks_of_node(comm.node())) {
    for (std::int32_t e = placement.first_expert(rank); e < placement.first_expert(rank + 1); ++e) {
      node_expert_[static_cast<std::size_t>(e) + 1] = next++;
    }
    first_node_expert_.push_back(next);
  }
}

int Rails::carrier(int source, int node) const {
  if (comm_.node_of_rank()[static_cast<std::size_t>(source)] == node) return source;
  const std::vector<int>& ranks = comm_.ranks_of_node(node);
  return ranks[static_cast<std::size_t>(place_[static_cast<std::size_t>(source)]) % ranks.size()];
}

int Rails::place_of_node_expert(std::int32_t node_expert) const {
  const auto after = std::upper_bound(first_node_expert_.begin(), first_node_expert_.end(), node_expert);
  return static_cast<int>(after - first_node_expert_.begin()) - 1;
}

}  // namespace moeperf
