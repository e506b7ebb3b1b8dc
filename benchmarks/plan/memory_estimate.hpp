#pragma once

#include "benchmarks/configuration/config.hpp"

#include <cstdint>
#include <string>

namespace moeperf {

class Backends;
class Communicator;

/// What the ranks of a run can hold.
struct RankMemory {
  int num_ranks = 1;
  std::int64_t available_bytes = 0;  ///< of the rank that has least
  std::int64_t last_level_cache_bytes = 0;
  Backends* kernels = nullptr;  ///< whose layouts of weights count
};

/// Collective.
RankMemory rank_memory(const Communicator& comm, Backends& backends);

/// What a phase of a workload needs on its most loaded rank, before anything is allocated, for what the chosen
/// benchmarks touch (BenchmarkKind::needs). Upper estimate: received rows are those of the target imbalance. No sum or
/// product wraps: what is beyond an int64_t is its largest value.
struct MemoryEstimate {
  std::int64_t expert_weights = 0;
  std::int64_t tokens = 0;    ///< hidden states, logits, outputs
  std::int64_t exchange = 0;  ///< rows sent and received, their baselines' buffers
  std::int64_t router = 0;    ///< gate weights and what balancing keeps
  std::int64_t samples = 0;   ///< times taken, on rank 0 those of all ranks
  std::int64_t total() const;
  std::string text() const;  ///< "3.20 GB (expert weights 2.90, …)"
};

MemoryEstimate estimate_memory(const SuiteConfig& config, const Phase& phase, const RankMemory& memory);

/// Nothing when every phase fits; else the first that does not, the figures and what would fit.
std::string why_no_memory(const SuiteConfig& config, const RankMemory& memory);

}  // namespace moeperf
