#include "benchmarks/plan/memory_estimate.hpp"

#include "benchmarks/axes/dispatcher.hpp"
#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/wire.hpp"
#include "benchmarks/inputs/expert_bank.hpp"
#include "benchmarks/plan/benchmark_kind.hpp"
#include "comm/dispatcher.hpp"
#include "comm/mpi/communicator.hpp"
#include "comm/wire_dispatcher.hpp"
#include "harness/machine.hpp"
#include "kernels/backends.hpp"
#include "kernels/base/saturating.hpp"
#include "kernels/traffic/pattern.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

double gigabytes(std::int64_t bytes) { return static_cast<double>(bytes) / 1e9; }

Saturating tokens_global(const Phase& phase, int num_ranks) {
  Saturating total;
  for (int rank = 0; rank < num_ranks; ++rank) total += phase.tokens_of(rank);
  return total;
}

/// Of one weight set, by the hungriest of the kernels that are to run.
std::int64_t expert_bytes(const SuiteConfig& config, const ExpertShape& shape, Backends& backends) {
  std::int64_t most = shape.weight_bytes();
  const KernelContext& context = backends.context();
  for (const std::string& kernel : kernel_registry().resolve(config.run.wanted(kernel_axis), context)) {
    if (kernel_registry().why_not(kernel_registry().at(kernel), context)) continue;
    most = std::max(most, backends.get(kernel).expert_bytes(shape));
  }
  return most;
}

/// By the hungriest of the dispatchers that are to run; `auto` is taken to be none of those that need more.
std::int64_t dispatcher_bytes(const RunSettings& run, const ExchangeVolume& volume) {
  std::int64_t most = 0;
  for (const auto& entry : dispatcher_registry().entries()) {
    const bool runs = run.names(dispatcher_axis, entry.name) || run.names(dispatcher_axis, "all");
    if (runs) most = std::max(most, extra_memory_bytes(entry.name, volume));
  }
  return most;
}

/// Bytes of a row on its way, and of what encoding and decoding keep, by the hungriest of the wires that are to run.
struct WireMemory {
  std::int64_t row = 0;
  Saturating copies;
};

WireMemory wire_memory(const SuiteConfig& config, Saturating tokens, Saturating received) {
  const ModelShape& model = config.workload.model;
  const RowFormat rows{model.hidden, model.dtype};
  WireMemory most{rows.bytes(), 0};
  for (const WireType wire : wire_types_of(config.run, model.dtype)) {
    if (wire == native_wire_type(model.dtype)) continue;
    const std::int64_t out = wire_format(model.hidden, wire).bytes();
    const RowFormat back{model.hidden, combine_dtype(model.dtype, wire)};
    Saturating copies = tokens * out + received * rows.bytes();
    if (back != rows) copies += (received + tokens) * back.bytes();
    most = {std::max({most.row, out, back.bytes()}), std::max(most.copies, copies)};
  }
  return most;
}

std::int64_t most_tokens(const Phase& phase) {
  return *std::max_element(phase.tokens_per_rank.begin(), phase.tokens_per_rank.end());
}

std::string why_too_large(const SuiteConfig& config, const Phase& phase, const RankMemory& memory) {
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
  const std::int64_t fixed = (Saturating(needed.expert_weights) + needed.router + needed.samples).value();
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

std::int64_t MemoryEstimate::total() const {
  return (Saturating(expert_weights) + tokens + exchange + router + samples).value();
}

std::string MemoryEstimate::text() const {
  std::string parts;
  for (const auto& [name, bytes] :
       {std::pair{"expert weights", expert_weights}, std::pair{"tokens", tokens}, std::pair{"exchange", exchange},
        std::pair{"router", router}, std::pair{"samples", samples}}) {
    if (bytes > 0) parts += fmt::format("{}{} {:.2f}", parts.empty() ? "" : ", ", name, gigabytes(bytes));
  }
  return fmt::format("{:.2f} GB ({})", gigabytes(total()), parts);
}

RankMemory rank_memory(const Communicator& comm, Backends& backends) {
  const double shared = static_cast<double>(available_memory_bytes()) / comm.ranks_on_node();
  const auto own = static_cast<double>(own_memory_left_bytes().value_or(Saturating::most));
  return {comm.size(), Saturating::of(comm.min(std::min(shared, own))).value(),
          static_cast<std::int64_t>(comm.max(static_cast<double>(last_level_cache_bytes()))), &backends};
}

MemoryEstimate estimate_memory(const SuiteConfig& config, const Phase& phase, const RankMemory& memory) {
  const Workload& workload = config.workload;
  const ModelShape& model = workload.model;
  const auto needs = [kinds = chosen_kinds(config.run.benchmarks)](Need need) {
    return std::any_of(kinds.begin(), kinds.end(), [&](const BenchmarkKind* kind) { return kind->has_need(need); });
  };
  const Saturating experts = model.gate.num_experts, top_k = model.gate.top_k, hidden = model.hidden;
  const Saturating row = model.hidden * size_bytes(model.dtype);
  const Saturating most = most_tokens(phase);
  const Saturating all_tokens = tokens_global(phase, memory.num_ranks);
  const Placement placement(model.gate.num_experts, memory.num_ranks);

  MemoryEstimate estimate;
  if (needs(Need::routed_experts)) {
    const WeightAssignment weights(model, placement, config.run.expert_weights, memory.last_level_cache_bytes);
    const ExpertShape shape = routed_expert_shape(model);
    // Further copies of one expert: while its weights are drawn and packed, and for the reference. A baseline's rows.
    estimate.expert_weights = (Saturating(weights.num_sets(0)) * expert_bytes(config, shape, *memory.kernels) +
                               Saturating(2) * shape.weight_bytes() + Saturating(2 * 1024 * 16) * model.intermediate)
                                  .value();
  }
  if (needs(Need::shared_expert) && model.shared_experts > 0) {
    const ExpertShape shape = shared_expert_shape(model);
    estimate.expert_weights = (Saturating(estimate.expert_weights) + expert_bytes(config, shape, *memory.kernels) +
                               Saturating(2) * shape.weight_bytes())
                                  .value();
  }
  if (needs(Need::tokens)) {
    // Logits twice, probabilities and gradients of a loss; what a traffic pattern keeps, of topics or of sets.
    Saturating bytes = most * (Saturating(4) * row + Saturating(2 * 4 + 2 * 8) * experts);
    Saturating rows = experts;
    for (const KeptRows& kept : kept_rows(workload.traffic)) rows = std::max(rows, Saturating(kept.rows));
    bytes += rows * (hidden + experts) * 4;
    if (workload.traffic.recording) {
      bytes += Saturating(static_cast<std::int64_t>(workload.traffic.recording->indices.size())) * (4 + 4);
    }
    estimate.tokens = bytes.value();
  }

  const double skew = 1.0 + std::max(workload.traffic.target_maxvio, expected_maxvio(workload.traffic, model.gate));
  const auto share_of = [&](Saturating rows) {
    return Saturating::of(static_cast<double>(rows.value()) / memory.num_ranks * skew);
  };
  const Saturating local = placement.num_local(0);
  const Saturating received = std::min(share_of(all_tokens * top_k), all_tokens * std::min(top_k, local));
  const Saturating sent = most * top_k;
  // One benchmark after the other has these, each its own.
  Saturating exchange;
  if (needs(Need::exchange)) {
    const WireMemory wire = wire_memory(config, most, received);
    exchange = (Saturating(6) * received + Saturating(7) * sent) * wire.row + wire.copies;
    exchange += dispatcher_bytes(config.run, {.num_ranks = memory.num_ranks,
                                              .max_tokens = most.value(),
                                              .tokens_global = all_tokens.value(),
                                              .rows_sent = sent.value(),
                                              .rows_received = received.value(),
                                              .largest_block = std::min(share_of(sent) + 1, sent).value(),
                                              .local_experts = local.value(),
                                              .row_bytes = wire.row,
                                              .top_k = model.gate.top_k});
  }
  if (needs(Need::copies)) exchange = std::max(exchange, Saturating(3) * sent * row);
  if (needs(Need::equal_blocks)) {
    const std::int64_t rows = (all_tokens * top_k).value() / memory.num_ranks + memory.num_ranks;
    exchange = std::max(exchange, Saturating(2) * rows * row);
  }
  estimate.exchange = exchange.value();

  const Saturating steps = needs(Need::trajectory) ? workload.balancing.steps : 0;
  if (needs(Need::router)) {
    estimate.router = (experts * hidden * (6 * 4 + 8) + steps * experts * (3 * (8 + 4))).value();
  }
  const SamplingPlan& plan = config.run.sampling;
  const std::int64_t samples = std::max({plan.samples, plan.min_samples, plan.warmup, steps.value()});
  constexpr std::int64_t phases = 8, copies_of_own = 3, copies_on_root = 2;  // of a time and of its start
  estimate.samples =
      (Saturating(samples) * (phases * 16) * (Saturating(copies_on_root) * memory.num_ranks + copies_of_own)).value();
  return estimate;
}

std::string why_no_memory(const SuiteConfig& config, const RankMemory& memory) {
  for (const Phase& phase : config.workload.phases) {
    const std::string reason = why_too_large(config, phase, memory);
    if (!reason.empty()) return reason;
  }
  return "";
}

}  // namespace moeperf
