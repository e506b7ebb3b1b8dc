#include "comm/one_gpu_per_rank.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

namespace moeperf {

std::optional<std::string> why_not_one_gpu_per_rank(std::span<const RankGpu> ranks) {
  const auto without = [](const RankGpu& gpu) { return !gpu.reason.empty(); };
  const auto first = std::find_if(ranks.begin(), ranks.end(), without);
  if (first != ranks.end()) {
    const auto others = std::count_if(first + 1, ranks.end(), without);
    return fmt::format("rank {} on {}: {}{}", first - ranks.begin(), first->host, first->reason,
                       others == 0 ? "" : fmt::format("; {} other rank{} without one", others, others == 1 ? "" : "s"));
  }
  std::map<std::pair<int, std::string>, std::size_t> owner;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const RankGpu& gpu = ranks[rank];
    const auto [place, is_new] = owner.emplace(std::pair(gpu.node, gpu.bus_id), rank);
    if (is_new) continue;
    return fmt::format("ranks {} and {} on {} share GPU {}, and NCCL takes one rank per GPU", place->second, rank,
                       gpu.host, gpu.bus_id);
  }
  return std::nullopt;
}

}  // namespace moeperf
