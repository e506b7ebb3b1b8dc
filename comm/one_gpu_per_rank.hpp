#pragma once

#include <optional>
#include <span>
#include <string>

namespace moeperf {

/// The GPU that a rank would use.
struct RankGpu {
  std::string host;
  int node = 0;        ///< GPUs of different nodes are different ones, whatever their bus
  std::string bus_id;  ///< PCI
  std::string reason;  ///< not empty: it has none, and why
};

/// Why these ranks, in rank order, do not have a GPU each, which NCCL demands; nothing where they have. Names the
/// ranks.
std::optional<std::string> why_not_one_gpu_per_rank(std::span<const RankGpu> ranks);

}  // namespace moeperf
