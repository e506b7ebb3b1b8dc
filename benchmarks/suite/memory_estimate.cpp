#include "benchmarks/suite/memory_estimate.hpp"

#include "benchmarks/suite/expert_bank.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/wire_dispatcher.hpp"
#include "harness/machine.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

double gigabytes(std::int64_t bytes) { return static_cast<double>(bytes) / 1e9; }

std::int64_t tokens_global(const Phase& phase, int num_ranks) {
  std::int64_t total = 0;
  for (int rank = 0; rank < num_ranks; ++rank) total += phase.tokens_of(rank);
  return total;
}

/// Of one weight set, by the hungriest of the kernels that are to run.
std::int64_t expert_bytes(const SuiteConfig& config, const ExpertShape& shape) {
  std::int64_t most = shape.weight_bytes();
  const KernelContext context{num_threads()};
  for (const std::string& kernel : kernel_registry().resolve(config.run.kernels, context)) {
    if (kernel_registry().why_not(kernel_registry().at(kernel), context)) continue;
    most = std::max(most, kernel_registry().make(kernel, context)->expert_bytes(shape));
  }
  return most;
}

/// By the hungriest of the dispatchers that are to run; `auto` is taken to be none of those that need more.
std::int64_t dispatcher_bytes(const RunSettings& run, const ExchangeVolume& volume) {
  std::int64_t most = 0;
  for (const auto& entry : dispatcher_registry().entries()) {
    const bool runs = std::any_of(run.dispatchers.begin(), run.dispatchers.end(),
                                  [&](const std::string& name) { return name == entry.name || name == "all"; });
    if (runs) most = std::max(most, extra_memory_bytes(entry.name, volume));
  }
  return most;
}

/// Bytes of a row on its way, and of what encoding and decoding keep, by the hungriest of the wires that are to run.
struct WireMemory {
  std::int64_t row = 0;
  std::int64_t copies = 0;
};

WireMemory wire_memory(const SuiteConfig& config, std::int64_t tokens, std::int64_t received) {
  const ModelShape& model = config.workload.model;
  const RowFormat rows{model.hidden, model.dtype};
  WireMemory most{rows.bytes(), 0};
  for (const WireType wire : wire_types_of(config.run, model.dtype)) {
    if (wire == native_wire_type(model.dtype)) continue;
    const std::int64_t out = wire_format(model.hidden, wire).bytes();
    const RowFormat back{model.hidden, answer_type(model.dtype, wire)};
    std::int64_t copies = tokens * out + received * rows.bytes();
    if (back != rows) copies += (received + tokens) * back.bytes();
    most = {std::max({most.row, out, back.bytes()}), std::max(most.copies, copies)};
  }
  return most;
}

std::int64_t most_tokens(const Phase& phase) {
  return *std::max_element(phase.tokens_per_rank.begin(), phase.tokens_per_rank.end());
}

std::string phase_problem(const SuiteConfig& config, const Phase& phase, const RankMemory& memory) {
  const std::int64_t available = memory.available_bytes;
  const MemoryEstimate needed = estimate_memory(config, phase, memory);
  if (needed.total() <= available) return "";
  std::string advice;
  auto advise = [&](const std::string& text) { advice += (advice.empty() ? "" : "; ") + text; };
  if (config.run.expert_weights == ExpertWeightsMode::full) {
    SuiteConfig pooled = config;
    pooled.run.expert_weights = ExpertWeightsMode::pooled;
    const std::int64_t bytes = estimate_memory(pooled, phase, memory).total();
    if (bytes <= available) advise(fmt::format("--expert-weights pooled would need {:.2f} GB", gigabytes(bytes)));
  }
  for (RankMemory more = memory; more.num_ranks <= 65536; more.num_ranks *= 2) {
    if (estimate_memory(config, phase, more).total() > available) continue;
    advise(fmt::format("{} ranks with as much memory each would do", more.num_ranks));
    break;
  }
  const std::int64_t fixed = needed.expert_weights + needed.router;
  if (fixed < available) {
    const double scale = static_cast<double>(available - fixed) / static_cast<double>(needed.total() - fixed);
    const auto fitting = static_cast<std::int64_t>(scale * static_cast<double>(most_tokens(phase)));
    if (fitting > 0) advise(fmt::format("--tokens {} would fit", fitting));
  }
  return fmt::format("workload '{}', phase {}: needs {} per rank, {:.2f} GB are available; {}", config.workload.name,
                     name(phase.kind), needed.text(), gigabytes(available),
                     advice.empty() ? "nothing smaller fits either" : advice);
}

}  // namespace

std::string MemoryEstimate::text() const {
  return fmt::format("{:.2f} GB (expert weights {:.2f}, tokens {:.2f}, exchange {:.2f}, router {:.2f})",
                     gigabytes(total()), gigabytes(expert_weights), gigabytes(tokens), gigabytes(exchange),
                     gigabytes(router));
}

RankMemory rank_memory(const Communicator& comm) {
  const double own = static_cast<double>(available_memory_bytes()) / comm.ranks_on_node();
  return {comm.size(), static_cast<std::int64_t>(comm.min(own)),
          static_cast<std::int64_t>(comm.max(static_cast<double>(last_level_cache_bytes())))};
}

MemoryEstimate estimate_memory(const SuiteConfig& config, const Phase& phase, const RankMemory& memory) {
  const Workload& workload = config.workload;
  const ModelShape& model = workload.model;
  const std::int64_t experts = model.gate.num_experts;
  const std::int64_t top_k = model.gate.top_k;
  const std::int64_t row = model.hidden * size_bytes(model.dtype);
  const Placement placement(model.gate.num_experts, memory.num_ranks);
  const WeightAssignment weights(model, placement, config.run.expert_weights, memory.last_level_cache_bytes);
  const std::int64_t most = most_tokens(phase);
  const std::int64_t all_tokens = tokens_global(phase, memory.num_ranks);

  MemoryEstimate estimate;
  const ExpertShape routed = routed_expert_shape(model);
  const ExpertShape shared = shared_expert_shape(model);
  // Further copies of one expert: while its weights are drawn and packed, and for the reference.
  estimate.expert_weights = weights.num_slots(0) * expert_bytes(config, routed) + 2 * routed.weight_bytes();
  if (model.shared_experts > 0) estimate.expert_weights += expert_bytes(config, shared) + 2 * shared.weight_bytes();
  estimate.tokens = most * (4 * row + 2 * experts * 4);

  const double skew = 1.0 + workload.traffic.target_maxvio;
  const auto skewed = static_cast<std::int64_t>(static_cast<double>(all_tokens * top_k) / memory.num_ranks * skew);
  const std::int64_t received = std::min(skewed, all_tokens * std::min<std::int64_t>(top_k, placement.num_local(0)));
  const std::int64_t sent = most * top_k;
  const WireMemory wire = wire_memory(config, most, received);
  estimate.exchange = (6 * received + 7 * sent) * wire.row + wire.copies + 2 * 1024 * model.intermediate * 16;
  const auto block = static_cast<std::int64_t>(static_cast<double>(sent) / memory.num_ranks * skew) + 1;
  estimate.exchange += dispatcher_bytes(config.run, {.num_ranks = memory.num_ranks,
                                                     .max_tokens = most,
                                                     .tokens_global = all_tokens,
                                                     .rows_sent = sent,
                                                     .rows_received = received,
                                                     .largest_block = std::min(block, sent),
                                                     .local_experts = placement.num_local(0),
                                                     .row_bytes = wire.row,
                                                     .top_k = model.gate.top_k});
  estimate.router = experts * model.hidden * 4 * 6 + experts * model.hidden * 8;
  return estimate;
}

std::string memory_problem(const SuiteConfig& config, const RankMemory& memory) {
  for (const Phase& phase : config.workload.phases) {
    const std::string problem = phase_problem(config, phase, memory);
    if (!problem.empty()) return problem;
  }
  return "";
}

}  // namespace moeperf
