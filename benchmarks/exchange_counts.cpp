#include "benchmarks/exchange_counts.hpp"

#include "results/byte_definitions.hpp"

#include <algorithm>
#include <vector>

namespace moeperf {

ExchangeCounts count_exchange(const Routing& routing, const Placement& placement, const Communicator& comm) {
  ExchangeCounts counts;
  const auto indices = routing.topk_idx.host();
  const auto top_k = static_cast<std::size_t>(routing.top_k);
  std::vector<int> ranks, nodes;
  const auto num_distinct = [](std::vector<int>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return static_cast<std::int64_t>(values.size());
  };
  const auto has = [](const std::vector<int>& values, int value) {
    return std::find(values.begin(), values.end(), value) == values.end() ? std::int64_t{0} : std::int64_t{1};
  };
  for (std::size_t token = 0; token * top_k < indices.size(); ++token) {
    ranks.clear();
    nodes.clear();
    for (std::size_t k = 0; k < top_k; ++k) {
      const std::int32_t expert = indices[token * top_k + k];
      if (expert < 0) continue;
      ranks.push_back(placement.owner(expert));
      nodes.push_back(comm.node_of_rank()[static_cast<std::size_t>(ranks.back())]);
    }
    counts.copies += static_cast<std::int64_t>(ranks.size());
    counts.copies_other_rank +=
        std::count_if(ranks.begin(), ranks.end(), [&](int rank) { return rank != comm.rank(); });
    counts.token_ranks += num_distinct(ranks);
    counts.token_ranks_other += static_cast<std::int64_t>(ranks.size()) - has(ranks, comm.rank());
    counts.token_nodes += num_distinct(nodes);
    counts.token_nodes_other += static_cast<std::int64_t>(nodes.size()) - has(nodes, comm.node());
  }
  return counts;
}

void add_counts(const ExchangeCounts& own, std::int64_t own_tokens, std::int32_t top_k, std::int64_t row_bytes,
                const Communicator& comm, CaseResult& result) {
  const auto add = [&](const char* name, std::int64_t value) {
    result.metrics[name] = static_cast<double>(comm.sum(value));
  };
  add(exchange_metrics::copies, own.copies);
  add(exchange_metrics::copies_other_rank, own.copies_other_rank);
  add(exchange_metrics::token_ranks, own.token_ranks);
  add(exchange_metrics::token_ranks_other, own.token_ranks_other);
  add(exchange_metrics::token_nodes, own.token_nodes);
  add(exchange_metrics::token_nodes_other, own.token_nodes_other);
  result.metrics[exchange_metrics::padded_copies] = comm.max(static_cast<double>(own_tokens)) * top_k * comm.size();
  result.metrics[exchange_metrics::row_bytes] = static_cast<double>(row_bytes);
}

}  // namespace moeperf
