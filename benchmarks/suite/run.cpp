#include "benchmarks/suite/run.hpp"

#include "benchmarks/suite/memory_estimate.hpp"
#include "benchmarks/suite/plan.hpp"
#include "benchmarks/suite/sweep.hpp"
#include "benchmarks/suite/workload_files.hpp"
#include "harness/agreement.hpp"
#include "harness/environment.hpp"
#include "harness/machine.hpp"
#include "harness/progress.hpp"
#include "harness/runner.hpp"
#include "harness/watchdog.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "results/writer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <iostream>

namespace moeperf {
namespace {

/// The command line's options as overrides of the file's keys: one mechanism, one set of checks.
std::vector<std::string> overrides_of(const RunOptions& options) {
  std::vector<std::string> overrides;
  auto quoted = [](const std::vector<std::string>& values) {
    std::string list;
    for (const auto& value : values) list += (list.empty() ? "" : ", ") + ("\"" + value + "\"");
    return "[" + list + "]";
  };
  auto add = [&](const std::string& key, const std::string& value) { overrides.push_back(key + "=" + value); };
  if (options.benchmarks) add("run.benchmarks", "'" + *options.benchmarks + "'");
  if (!options.dispatchers.empty()) add("run.dispatchers", quoted(options.dispatchers));
  if (!options.wires.empty()) add("run.wire", quoted(options.wires));
  if (!options.kernels.empty()) add("run.kernels", quoted(options.kernels));
  if (!options.schemes.empty()) add("run.schemes", quoted(options.schemes));
  if (!options.traffic.empty()) add("run.traffic", quoted(options.traffic));
  if (options.begin) add("run.begin", "'" + *options.begin + "'");
  if (options.end) add("run.end", "'" + *options.end + "'");
  if (options.factor) add("run.factor", fmt::format("{}", *options.factor));
  if (options.samples) add("run.samples", std::to_string(*options.samples));
  if (options.warmup) add("run.warmup", std::to_string(*options.warmup));
  if (!options.chunks.empty()) add("run.chunks", fmt::format("[{}]", fmt::join(options.chunks, ", ")));
  if (options.seed) add("run.seed", std::to_string(*options.seed));
  if (options.min_samples) add("run.min_samples", std::to_string(*options.min_samples));
  if (options.max_time_s) add("run.max_time_s", fmt::format("{}", *options.max_time_s));
  if (options.target_ci) add("run.target_ci", fmt::format("{}", *options.target_ci));
  if (options.time_limit_s) add("run.phase_time_limit_s", fmt::format("{}", *options.time_limit_s));
  if (options.expert_weights) add("run.expert_weights", "\"" + *options.expert_weights + "\"");
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  return overrides;
}

/// Keeps the phases asked for (adding one with the defaults where the workload lacks it) and their tokens.
void restrict_phases(Workload& workload, const RunOptions& options) {
  if (!options.phases.empty()) {
    std::vector<Phase> kept;
    for (const std::string& wanted : options.phases) {
      const PhaseKind kind = *parse<PhaseKind>(wanted);
      Phase phase;
      phase.kind = kind;
      if (kind == PhaseKind::decode) phase.tokens_per_rank = {128};
      for (const Phase& given : workload.phases) {
        if (given.kind == kind) phase = given;
      }
      kept.push_back(phase);
    }
    workload.phases = kept;
  }
  if (!options.tokens.empty()) {
    for (Phase& phase : workload.phases) phase.tokens_per_rank = options.tokens;
  }
  if (const auto violation = first_violation(workload)) {
    throw UserError(fmt::format("--tokens/--phase: {}: {}", violation->key, violation->message));
  }
}

std::vector<SuiteConfig> load_configs(const RunOptions& options, const Communicator& comm) {
  const std::vector<std::string> overrides = overrides_of(options);
  auto load = [&](const std::string& name) {
    const auto path = workload_path(name);
    SuiteConfig config = parse_config(read_for_all(comm, path), path.string(), overrides);
    if (!options.tokens.empty() && !config.run.sweep.begin.empty()) {
      throw UserError("--tokens with --begin: both say how many tokens a rank gets; accepted: one of them");
    }
    restrict_phases(config.workload, options);
    return config;
  };
  const SuiteConfig suite = load(options.suite);
  if (options.workloads.empty()) return {suite};
  std::vector<SuiteConfig> configs;
  for (const std::string& name : options.workloads) {
    configs.push_back(load(name));
    configs.back().run = suite.run;
  }
  return configs;
}

/// Workloads that the ranks' memory cannot hold are an error before anything is allocated; else what they need.
std::string check_memory(const std::vector<SuiteConfig>& configs, const Communicator& comm) {
  const RankMemory memory = rank_memory(comm);
  std::string needs;
  for (const SuiteConfig& config : configs) {
    const std::string problem = memory_problem(config, memory);
    if (!problem.empty()) throw UserError(problem);
    for (const Phase& phase : config.workload.phases) {
      needs +=
          fmt::format("# memory per rank, {} {}{}{}: {}\n", config.workload.name, name(phase.kind),
                      config.point.empty() ? "" : "_", config.point, estimate_memory(config, phase, memory).text());
    }
  }
  return needs;
}

ReportHeader make_header(const std::vector<SuiteConfig>& configs, const Communicator& comm) {
  ReportHeader header;
  header.start_time = utc_time();
  header.run_id = fmt::format("{}-{}", host_name(), utc_time_compact());
  header.moeperf_version = version_text();
  std::ifstream command_line("/proc/self/cmdline");
  std::getline(command_line, header.command_line);
  std::replace(header.command_line.begin(), header.command_line.end(), '\0', ' ');
  header.seed = configs.front().run.seed;
  for (const SuiteConfig& config : configs) header.config += to_toml(config);
  header.num_ranks = comm.size();
  header.num_nodes = comm.num_nodes();
  header.environment = capture_environment(comm);
  return header;
}

/// `end`: why the run ended early, if it did.
std::string verdict(const Report& report, const std::string& end = "") {
  std::vector<std::string> reasons;
  for (const CaseResult& result : report.cases) {
    if (result.skipped.empty() && !result.verification.passed) reasons.push_back(result.id + " is wrong");
  }
  if (!end.empty()) reasons.push_back(end);
  if (reasons.empty()) return "VALID";
  return fmt::format("INVALID: {}", fmt::join(reasons, "; "));
}

void run_one(const PlannedCase& planned, const SuiteConfig& config, Problem& problem, Communicator& comm, Watch& watch,
             CaseResult& result, std::optional<BalancingTrajectory>& trajectory) {
  auto benchmark = planned.kind->make(problem, planned.spec);
  BarrierSynchroniser synchroniser(comm);
  run_case(*benchmark, comm, synchroniser, config.run.sampling, watch, result);
  if (!result.skipped.empty()) return;
  if (planned.kind->has_need(Need::tokens)) {
    result.notes["traffic"] = problem.traffic().description();
    if (const auto maxvio = problem.traffic().maxvio()) {
      result.metrics["traffic_target_maxvio"] = maxvio->target;
      result.metrics["traffic_reached_maxvio"] = maxvio->reached;
    }
  }
  if (planned.kind->per_scheme) {
    result.routing_checksum = fmt::format("{:016x}", problem.state(planned.spec.scheme, planned.spec.kernel).checksum);
  }
  if (const auto* source = dynamic_cast<const TrajectorySource*>(benchmark.get())) {
    trajectory = source->trajectory();
    trajectory->id = planned.id;
  }
}

void print_plan(const std::vector<PlannedCase>& plan, const std::string& memory) {
  fmt::print("{}", memory);
  for (const PlannedCase& planned : plan) {
    fmt::print("{}{}\n", planned.id, planned.skip.empty() ? "" : "  [skipped: " + planned.skip + "]");
  }
  fmt::print("# {} cases\n", plan.size());
}

}  // namespace

int run(const RunOptions& options, Communicator& comm) {
  const std::vector<SuiteConfig> given = load_configs(options, comm);
  const std::vector<SuiteConfig> configs = expand_sweeps(given, comm);
  const std::vector<PlannedCase> plan = make_plan(configs, comm);
  const std::string memory = check_memory(configs, comm);
  if (options.dry_run) {
    if (comm.is_root()) print_plan(plan, memory);
    return exit_ok;
  }

  const ReportHeader header = make_header(given, comm);
  const std::string path =
      options.output.empty() ? fmt::format("moeperf-{}-{}.h5", host_name(), utc_time_compact()) : options.output;
  // A sample is eight bytes; a case rarely keeps more than some thousand of them per phase and rank.
  const auto expected_bytes = static_cast<std::int64_t>(plan.size()) * (65536 + 16384 * std::int64_t{comm.size()});
  std::optional<ReportWriter> writer;
  on_root(comm, [&] { writer.emplace(path, options.force, header, expected_bytes); });
  if (comm.is_root()) show_preamble(std::cout, header);

  Progress progress(comm.is_root(), static_cast<std::int64_t>(plan.size()));
  ExpertBank bank;
  std::unique_ptr<Problem> problem;
  std::pair<std::size_t, std::size_t> current{plan.size(), 0};
  Report report;  // coordinates and verification of what ran; the raw samples are in the file
  Watch watch;
  std::optional<Watchdog> watchdog;
  if (const double limit_s = configs.front().run.phase_time_limit_s; limit_s > 0) {
    watchdog.emplace(comm, watch, limit_s, [&](const std::string& reason) {
      std::cout.flush();
      writer->give_up(utc_time(), verdict(report, reason));
      fmt::print(stderr, "moeperf: what was measured until then: {}.part\n", path);
    });
  }
  for (const PlannedCase& planned : plan) {
    const SuiteConfig& config = configs[planned.config];
    if (current != std::pair{planned.config, planned.phase}) {
      current = {planned.config, planned.phase};
      problem =
          std::make_unique<Problem>(config.workload, config.workload.phases[planned.phase], config.run, comm, bank);
    }
    progress.start_case(planned.id);
    CaseResult result = empty_result(planned, config, comm.size());
    std::optional<BalancingTrajectory> trajectory;
    if (result.skipped.empty()) run_one(planned, config, *problem, comm, watch, result, trajectory);
    on_root(comm, [&] {
      progress.finish_case();
      progress.clear();
      writer->add_case(result);
      if (trajectory) writer->add_balancing(*trajectory);
      show_case(std::cout, result, report.cases.empty() ? nullptr : &report.cases.back());
      std::cout.flush();
    });
    CaseResult kept = result;
    kept.measurements.clear();
    report.cases.push_back(std::move(kept));
  }
  watchdog.reset();
  const std::string status = verdict(report);
  on_root(comm, [&] {
    writer->finish(utc_time(), status);
    show_end(std::cout, read_report(path));
    std::cout << "# report: " << path << '\n';
  });
  return comm.broadcast(status).starts_with("VALID") ? exit_ok : exit_invalid;
}

}  // namespace moeperf
