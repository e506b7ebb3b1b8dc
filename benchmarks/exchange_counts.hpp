#pragma once

#include "comm/mpi/communicator.hpp"
#include "kernels/placement.hpp"
#include "kernels/routing.hpp"
#include "results/report.hpp"

#include <cstdint>

namespace moeperf {

/// What the rows of an exchange can be counted as, of this rank's tokens or summed over ranks; each with those that stay
/// where they are, and without. Papers take their bytes from one or another of them.
struct ExchangeCounts {
  std::int64_t copies = 0, copies_other_rank = 0;       ///< (token, expert), not dropped
  std::int64_t token_ranks = 0, token_ranks_other = 0;  ///< distinct (token, rank)
  std::int64_t token_nodes = 0, token_nodes_other = 0;  ///< distinct (token, node)
};

/// Local. `routing` is in host memory.
ExchangeCounts count_exchange(const Routing& routing, const Placement& placement, const Communicator& comm);

/// As metrics of a case, summed over ranks; `max_tokens` of any rank are those that a padded exchange sends of each; a row
/// travels as `row_bytes`. Collective.
void add_counts(const ExchangeCounts& own, std::int64_t own_tokens, std::int32_t top_k, std::int64_t row_bytes,
                const Communicator& comm, CaseResult& result);

}  // namespace moeperf
