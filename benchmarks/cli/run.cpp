#include "benchmarks/cli/run.hpp"

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/cli/appended_report.hpp"
#include "benchmarks/cli/run_configs.hpp"
#include "benchmarks/cli/run_plan.hpp"
#include "benchmarks/cli/run_report.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/plan.hpp"
#include "benchmarks/plan/sweep.hpp"
#include "harness/agreement.hpp"
#include "harness/environment.hpp"
#include "harness/machine.hpp"
#include "harness/progress.hpp"
#include "harness/runner.hpp"
#include "harness/thread_team.hpp"
#include "harness/watchdog.hpp"
#include "results/findings.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "results/verdict.hpp"
#include "results/writer.hpp"

#include <fmt/format.h>

#include <iostream>
#include <optional>

namespace moeperf {
namespace {

void run_one(const PlannedCase& planned, const SuiteConfig& config, Problem& problem, Communicator& comm,
             const Instruments& instruments, Watch& watch, CaseResult& result,
             std::optional<BalancingTrajectory>& trajectory) {
  auto benchmark = planned.kind->make(problem, planned.spec);
  run_case(*benchmark, comm, instruments, config.run.sampling, watch, result);
  if (!result.skip_reason.empty()) return;
  if (planned.kind->has_need(Need::tokens)) {
    result.notes["traffic"] = problem.traffic().description();
    if (const auto maxvio = problem.traffic().maxvio()) {
      result.metrics["traffic_target_maxvio"] = maxvio->target;
      result.metrics["traffic_reached_maxvio"] = maxvio->reached;
    }
  }
  if (planned.kind->varies_over(scheme_axis)) {
    result.routing_checksum =
        fmt::format("{:016x}", problem.state(scheme_of(planned.spec), kernel_of(planned.spec)).checksum);
  }
  if (const auto* source = dynamic_cast<const TrajectorySource*>(benchmark.get())) {
    trajectory = source->trajectory();
    trajectory->id = planned.id;
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
    if (comm.is_root()) print_plan(std::cout, plan, configs, memory, comm);
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
  std::optional<AppendedReport> appended;
  std::string path;
  const auto record = [&](const std::string& reason) {
    if (!writer) return;
    Report so_far = report;
    so_far.launches.back().ended_early = reason;
    writer->give_up(utc_time(), reason, verdict(so_far));
    say(fmt::format("moeperf: what was measured until then, {} of {} cases: {}.part\n", report.cases.size(),
                    plan.size(), path));
  };
  std::optional<Watchdog> watchdog(std::in_place, heartbeats, comm.size(), limits, record);
  watch.leave();  // from now on it counts
  on_root(comm, [&] {
    if (!options.append.empty()) appended.emplace(options.append, report.header());
    path = open_report(writer, appended ? appended->launch_path() : options.output, options.force, report.header(),
                       expected_bytes);
  });
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
    if (result.skip_reason.empty()) run_one(planned, config, *problem, comm, instruments, watch, result, trajectory);
    on_root(comm, [&] {
      progress.finish_case();
      progress.clear();
      writer->add_case(result);
      if (trajectory) writer->add_balancing(*trajectory);
      show_case(std::cout, report.header().axes, result, report.cases.empty() ? nullptr : &report.cases.back());
      std::cout.flush();
    });
    CaseResult kept = result;
    kept.measurements.clear();
    kept.meters.clear();
    report.cases.push_back(std::move(kept));
  }
  const std::string status = verdict(report);
  on_root(comm, [&] {
    writer->finish(utc_time(), status);
    if (appended && is_valid(status)) {
      appended->add_launch();
      path = options.append;
    }
    show_end(std::cout, read_report(path));
    std::cout << "# report: " << path << '\n';
  });
  watchdog.reset();
  return is_valid(comm.broadcast(status)) ? exit_ok : exit_invalid;
}

}  // namespace moeperf
