#include "benchmarks/plan/plan.hpp"

#include "benchmarks/inputs/recording.hpp"
#include "comm/wire_dispatcher.hpp"
#include "harness/machine.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/traffic/pattern.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

namespace moeperf {
namespace {

/// One kernel backend of one configuration, with what it can be combined with.
struct Axes {
  std::string kernel;
  std::string kernel_problem;

  struct Exchange {
    std::string dispatcher;
    std::optional<WireType> wire;
    std::string problem;
  };
  std::vector<Exchange> exchanges;
};

/// Dispatchers on every wire. What `auto` means may depend on the wire.
void resolve_exchanges(const SuiteConfig& config, Communicator& comm, Backends& backends, KernelBackend* backend,
                       Axes& axes) {
  const ModelShape& model = config.workload.model;
  for (const WireType wire : wire_types_of(config.run, model.dtype)) {
    if (backend == nullptr) {
      axes.exchanges.push_back({"-", wire, ""});
      continue;
    }
    DispatchContext context{&comm, backend, model.hidden, model.dtype, Placement(model.gate.num_experts, comm.size()),
                            model.gate.top_k};
    context.host_kernels = &backends.on_host();
    context.wire = wire;
    for (const Phase& phase : config.workload.phases) {
      context.max_tokens = std::max(context.max_tokens, std::ranges::max(phase.tokens_per_rank));
    }
    const DispatchContext carried = carried_context(context);
    for (const std::string& name : dispatcher_registry().resolve(config.run.dispatchers, carried)) {
      const auto reason = dispatcher_registry().why_not(dispatcher_registry().at(name), carried);
      axes.exchanges.push_back({name, wire, reason.value_or("")});
    }
  }
}

std::vector<Axes> resolve_axes(const SuiteConfig& config, Communicator& comm, Backends& backends) {
  std::vector<Axes> all;
  const KernelContext& kernel_context = backends.context();
  for (const std::string& kernel : kernel_registry().resolve(config.run.kernels, kernel_context)) {
    Axes axes{kernel, kernel_registry().why_not(kernel_registry().at(kernel), kernel_context).value_or(""), {}};
    KernelBackend* backend = axes.kernel_problem.empty() ? &backends.get(kernel) : nullptr;
    resolve_exchanges(config, comm, backends, backend, axes);
    all.push_back(std::move(axes));
  }
  return all;
}

/// What one benchmark exchanges with, and how.
std::vector<Axes::Exchange> exchanges(const BenchmarkKind& kind, const Axes& axes, const SuiteConfig& config) {
  if (kind.per_dispatcher) return axes.exchanges;
  if (!kind.per_wire) return {{"-", std::nullopt, ""}};
  std::vector<Axes::Exchange> all;
  for (const WireType wire : wire_types_of(config.run, config.workload.model.dtype)) all.push_back({"-", wire, ""});
  return all;
}

/// Schemes and numbers of chunks of one benchmark with one dispatcher, those of a scheme side by side.
std::vector<std::pair<std::string, std::int64_t>> ways(const BenchmarkKind& kind,
                                                       const std::vector<std::string>& schemes,
                                                       const std::vector<std::int64_t>& chunks) {
  std::vector<std::pair<std::string, std::int64_t>> all;
  for (const std::string& scheme : kind.per_scheme ? schemes : std::vector<std::string>{"-"}) {
    for (const std::int64_t number : kind.per_chunks ? chunks : std::vector<std::int64_t>{1}) {
      const std::pair way{scheme, number};
      if (std::find(all.begin(), all.end(), way) == all.end()) all.push_back(way);
    }
  }
  return all;
}

/// Why a case cannot run on replayed traffic, which has no use for a gate; nothing where it can.
std::string replay_problem(const BenchmarkKind& kind, const std::string& scheme) {
  if (kind.runs_gate) {
    std::vector<std::string> names;
    for (const BenchmarkKind& other : benchmark_kinds()) {
      if (other.per_scheme && !other.runs_gate) names.push_back(other.name);
    }
    return fmt::format("a trace prescribes the routing and this benchmark runs the gate; accepted: {}",
                       fmt::join(names, ", "));
  }
  if (kind.per_scheme && scheme != "none") {
    return "a trace prescribes the routing, which balancing would change; accepted: scheme none";
  }
  return "";
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Names of benchmarks stand in the expression as they are, or between bars.
bool is_named(const BenchmarkKind& kind, const std::string& expression) {
  std::istringstream alternatives(expression);
  for (std::string name; std::getline(alternatives, name, '|');) {
    if (name == kind.name) return true;
  }
  return false;
}

/// Why a case cannot run, as far as that is known beforehand, and whether what stands in its way was asked for by its
/// name: not by `all`, which means whatever can run. Where nothing does: whether any part of it was.
void set_prospects(PlannedCase& planned, const SuiteConfig& config, const std::string& kernel_problem,
                   const std::string& dispatcher_problem) {
  const RunSettings& run = config.run;
  const CaseSpec& spec = planned.spec;
  const bool kernel = contains(run.kernels, spec.kernel), dispatcher = contains(run.dispatchers, spec.dispatcher);
  const bool scheme = contains(run.schemes, spec.scheme), benchmark = is_named(*planned.kind, run.benchmarks);
  const bool wire = spec.wire && contains(run.wires, std::string(name(*spec.wire)));
  const bool is_replay = traffic_registry().at(config.workload.traffic.pattern).traits.prescribes;
  if (!kernel_problem.empty()) {
    planned.skip = kernel_problem;
    planned.should_run = kernel;
  } else if (!dispatcher_problem.empty()) {
    planned.skip = dispatcher_problem;
    planned.should_run = dispatcher;
  } else if (is_replay && !replay_problem(*planned.kind, spec.scheme).empty()) {
    planned.skip = replay_problem(*planned.kind, spec.scheme);
    planned.should_run = planned.kind->runs_gate ? benchmark : scheme;
  } else {
    planned.should_run = kernel || dispatcher || scheme || benchmark || wire || spec.chunks != 1;
  }
}

}  // namespace

std::vector<PlannedCase> make_plan(const std::vector<SuiteConfig>& configs, Communicator& comm,
                                   Backends& backends) {
  std::vector<PlannedCase> plan;
  for (std::size_t c = 0; c < configs.size(); ++c) {
    const SuiteConfig& config = configs[c];
    const std::vector<const BenchmarkKind*> kinds = chosen_kinds(config.run.benchmarks);
    const std::vector<std::string> schemes = scheme_registry().resolve(config.run.schemes, SchemeContext{});
    const std::vector<Axes> kernels = resolve_axes(config, comm, backends);
    for (std::size_t phase = 0; phase < config.workload.phases.size(); ++phase) {
      for (const Axes& axes : kernels) {
        for (const BenchmarkKind* kind : kinds) {
          for (const auto& [dispatcher, wire, problem] : exchanges(*kind, axes, config)) {
            for (const auto& [scheme, chunks] : ways(*kind, schemes, config.run.chunks)) {
              PlannedCase planned;
              planned.config = c;
              planned.phase = phase;
              planned.kind = kind;
              planned.spec = {axes.kernel, scheme, dispatcher, chunks, wire};
              set_prospects(planned, config, axes.kernel_problem, problem);
              std::string id = fmt::format("{:04}_{}_{}_{}", plan.size() + 1, kind->name, config.workload.name,
                                           name(config.workload.phases[phase].kind));
              for (const std::string& part : {config.point, scheme, dispatcher, axes.kernel}) {
                if (!part.empty() && part != "-") id += "_" + part;
              }
              if (wire && *wire != native_wire_type(config.workload.model.dtype)) id += fmt::format("_{}", name(*wire));
              if (chunks != 1) id += fmt::format("_chunks{}", chunks);
              std::replace(id.begin(), id.end(), '/', '-');
              planned.id = id;
              plan.push_back(std::move(planned));
            }
          }
        }
      }
    }
  }
  if (plan.empty()) {
    std::vector<std::string> names;
    for (const BenchmarkKind& kind : benchmark_kinds()) names.push_back(kind.name);
    throw UserError(
        fmt::format("no benchmark matches '{}'; known: {}", configs.front().run.benchmarks, fmt::join(names, ", ")));
  }
  return plan;
}

CaseResult empty_result(const PlannedCase& planned, const SuiteConfig& config, int num_ranks) {
  const Phase& phase = config.workload.phases[planned.phase];
  CaseResult result;
  result.id = planned.id;
  result.benchmark = planned.kind->name;
  result.workload = config.workload.name;
  result.phase_kind = name(phase.kind);
  result.scheme = planned.spec.scheme;
  result.dispatcher = planned.spec.dispatcher;
  result.kernel = planned.spec.kernel;
  result.dtype = name(config.workload.model.dtype);
  for (int rank = 0; rank < num_ranks; ++rank) result.tokens_global += phase.tokens_of(rank);
  result.tokens_per_rank = fmt::format("{}", fmt::join(phase.tokens_per_rank, ","));
  result.expert_weights = name(config.run.expert_weights);
  result.traffic = config.workload.traffic.pattern;
  if (planned.spec.wire) result.wire = name(*planned.spec.wire);
  result.chunks = std::to_string(planned.spec.chunks);
  result.skipped = planned.skip;
  result.should_run = planned.should_run;
  return result;
}

}  // namespace moeperf
