#include "benchmarks/cli/run.hpp"

#include "benchmarks/configuration/workload_files.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/memory_estimate.hpp"
#include "benchmarks/plan/plan.hpp"
#include "benchmarks/plan/sweep.hpp"
#include "benchmarks/plan/time_estimate.hpp"
#include "harness/agreement.hpp"
#include "harness/environment.hpp"
#include "harness/machine.hpp"
#include "harness/progress.hpp"
#include "harness/runner.hpp"
#include "harness/thread_team.hpp"
#include "harness/watchdog.hpp"
#include "kernels/base/counted.hpp"
#include "results/findings.hpp"
#include "results/output.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "results/verdict.hpp"
#include "results/writer.hpp"

#include <toml++/toml.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

namespace moeperf {
namespace {

/// The command line's options as overrides of the file's keys: one mechanism, one set of checks.
std::vector<Override> overrides_of(const RunOptions& options) {
  std::vector<Override> overrides;
  const auto as_toml = [](const auto& value) {
    std::ostringstream text;
    text << value;
    return text.str();
  };
  const auto add = [&](const char* option, const char* key, const std::string& value) {
    overrides.emplace_back(fmt::format("run.{}={}", key, value), option);
  };
  const auto add_number = [&](const char* option, const char* key, const auto& value) {
    if (value) add(option, key, fmt::format("{}", *value));
  };
  const auto add_text = [&](const char* option, const char* key, const std::optional<std::string>& value) {
    if (value) add(option, key, as_toml(toml::value<std::string>(*value)));
  };
  const auto add_list = [&](const char* option, const char* key, const auto& values) {
    toml::array list;
    for (const auto& value : values) list.push_back(value);
    if (!list.empty()) add(option, key, as_toml(list));
  };
  add_text("--benchmark", "benchmarks", options.benchmarks);
  add_list("--dispatcher", "dispatchers", options.dispatchers);
  add_list("--wire", "wire", options.wires);
  add_list("--kernel", "kernels", options.kernels);
  add_list("--scheme", "schemes", options.schemes);
  add_list("--traffic", "traffic", options.traffic);
  add_text("--begin", "begin", options.begin);
  add_text("--end", "end", options.end);
  add_number("--factor", "factor", options.factor);
  add_number("--iters", "samples", options.samples);
  add_number("--warmup", "warmup", options.warmup);
  add_list("--chunks", "chunks", options.chunks);
  add_number("--seed", "seed", options.seed);
  add_number("--min-samples", "min_samples", options.min_samples);
  add_number("--max-time", "max_time_s", options.max_time_s);
  add_number("--target-ci", "target_ci", options.target_ci);
  add_number("--time-limit", "part_time_limit_s", options.time_limit_s);
  add_number("--prepare-limit", "preparation_time_limit_s", options.prepare_limit_s);
  add_text("--expert-weights", "expert_weights", options.expert_weights);
  overrides.insert(overrides.end(), options.overrides.begin(), options.overrides.end());
  return overrides;
}

/// Keeps the phases asked for (adding one with the defaults where the workload lacks it) and their tokens.
void restrict_phases(Workload& workload, const RunOptions& options) {
  if (!options.phases.empty()) {
    std::vector<Phase> kept;
    for (const std::string& wanted : options.phases) {
      const PhaseKind kind = *parse<PhaseKind>(wanted);
      const auto is_kept = [&](const Phase& phase) { return phase.kind == kind; };
      if (std::any_of(kept.begin(), kept.end(), is_kept)) continue;
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

/// The name, or where a workload before has it, as files of two folders may, "NAME-2" and so on.
std::string free_name(const std::string& name, const std::vector<SuiteConfig>& before) {
  const auto is_taken = [&](const std::string& wanted) {
    return std::any_of(before.begin(), before.end(), [&](const SuiteConfig& c) { return c.workload.name == wanted; });
  };
  std::string free = name;
  for (int number = 2; is_taken(free); ++number) free = fmt::format("{}-{}", name, number);
  return free;
}

std::vector<SuiteConfig> load_configs(const RunOptions& options, const Communicator& comm) {
  const std::vector<Override> overrides = overrides_of(options);
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
    SuiteConfig config = load(name);
    config.run = suite.run;
    config.workload.name = free_name(config.workload.name, configs);
    configs.push_back(std::move(config));
  }
  return configs;
}

/// Workloads that the ranks' memory cannot hold are an error before anything is allocated; else what they need.
std::string check_memory(const std::vector<SuiteConfig>& configs, const Communicator& comm, Backends& backends) {
  const RankMemory memory = rank_memory(comm, backends);
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

ReportHeader make_header(const std::vector<SuiteConfig>& configs, std::size_t num_cases, const Communicator& comm,
                         const Instruments& instruments) {
  ReportHeader header;
  header.num_cases_planned = static_cast<std::int64_t>(num_cases);
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
  header.environment = capture_environment(comm, instruments);
  return header;
}

void run_one(const PlannedCase& planned, const SuiteConfig& config, Problem& problem, Communicator& comm,
             const Instruments& instruments, Watch& watch, CaseResult& result,
             std::optional<BalancingTrajectory>& trajectory) {
  auto benchmark = planned.kind->make(problem, planned.spec);
  run_case(*benchmark, comm, instruments, config.run.sampling, watch, result);
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

void print_plan(const std::vector<PlannedCase>& plan, const std::vector<SuiteConfig>& configs,
                const std::string& memory, const Communicator& comm) {
  if (!comm.has_mpi()) std::cout << "# not asked: whether dispatchers can run (needs MPI); planned for one rank\n";
  std::cout << memory;
  for (const PlannedCase& planned : plan) {
    std::cout << planned.id << (planned.skip.empty() ? "" : "  [skipped: " + planned.skip + "]") << '\n';
  }
  std::cout << fmt::format("# {}; {}\n", counted(static_cast<std::int64_t>(plan.size()), "case"),
                           estimate_time(plan, configs).text());
}

/// A writer under the name the user gave, or else under that of host and time: where another run took that in the same
/// second, the next with a number.
std::string open_report(std::optional<ReportWriter>& writer, const RunOptions& options, const ReportHeader& header,
                        std::int64_t expected_bytes) {
  const bool given = !options.output.empty();
  const std::string stem = fmt::format("moeperf-{}-{}", host_name(), utc_time_compact());
  for (int number = 1;; ++number) {
    const std::string path = given ? options.output : stem + (number == 1 ? "" : fmt::format("-{}", number)) + ".h5";
    try {
      writer.emplace(path, given && options.force, header, expected_bytes);
      return path;
    } catch (const NameTaken&) {
      if (given || number == 1000) throw;
    }
  }
}

}  // namespace

int run(const RunOptions& options, Communicator& comm) {
  settle_thread_team(comm);
  const std::vector<SuiteConfig> given = load_configs(options, comm);
  const std::vector<SuiteConfig> configs = expand_sweeps(given, comm);
  Backends backends({num_threads()});
  const std::vector<PlannedCase> plan = make_plan(configs, comm, backends);
  const std::string memory = check_memory(configs, comm, backends);
  check_names(configs.front().run.instruments);
  if (options.dry_run) {
    if (comm.is_root()) print_plan(plan, configs, memory, comm);
    return exit_ok;
  }

  const TimeLimits& limits = configs.front().run.limits;
  const HeartbeatTable heartbeats(comm, limits.any());
  Watch& watch = heartbeats[heartbeats.own()].watch;

  const Instruments instruments(comm, configs.front().run.instruments);
  Report report;  // coordinates and verification of what ran; the raw samples are in the file
  report.header() = make_header(given, plan.size(), comm, instruments);
  // A sample is eight bytes, and eight for its start; a case rarely keeps more than some thousand of them per phase and
  // rank.
  const auto expected_bytes = static_cast<std::int64_t>(plan.size()) * (65536 + 32768 * std::int64_t{comm.size()});
  std::optional<ReportWriter> writer;
  std::string path;
  on_root(comm, [&] { path = open_report(writer, options, report.header(), expected_bytes); });
  if (comm.is_root()) {
    for (const std::string& finding : environment_findings(report.header())) {
      fmt::print(stderr, "moeperf: warning: {}\n", finding);
    }
    show_preamble(std::cout, report.header());
  }

  Progress progress(comm.is_root(), static_cast<std::int64_t>(plan.size()));
  ExpertBank bank(backends);
  std::unique_ptr<Problem> problem;
  std::pair<std::size_t, std::size_t> current{plan.size(), 0};
  const auto record = [&](const std::string& reason) {
    if (!writer) return;
    Report so_far = report;
    so_far.launches.back().ended_early = reason;
    writer->give_up(utc_time(), reason, verdict(so_far));
    say(fmt::format("moeperf: what was measured until then, {} of {} cases: {}.part\n", report.cases.size(),
                    plan.size(), path));
  };
  std::optional<Watchdog> watchdog(std::in_place, heartbeats, comm.size(), limits, record);
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
    if (result.skipped.empty()) run_one(planned, config, *problem, comm, instruments, watch, result, trajectory);
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
    kept.meters.clear();
    report.cases.push_back(std::move(kept));
  }
  watchdog.reset();
  const std::string status = verdict(report);
  on_root(comm, [&] {
    writer->finish(utc_time(), status);
    show_end(std::cout, read_report(path));
    std::cout << "# report: " << path << '\n';
  });
  return is_valid(comm.broadcast(status)) ? exit_ok : exit_invalid;
}

}  // namespace moeperf
