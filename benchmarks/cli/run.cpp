#include "benchmarks/cli/run.hpp"

#include "benchmarks/axes/kernel.hpp"
#include "benchmarks/axes/scheme.hpp"
#include "benchmarks/cli/run_configs.hpp"
#include "benchmarks/cli/run_header.hpp"
#include "benchmarks/cli/run_output.hpp"
#include "benchmarks/cli/run_plan.hpp"
#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/plan/plan.hpp"
#include "benchmarks/plan/sweep.hpp"
#include "harness/agreement.hpp"
#include "harness/clock.hpp"
#include "harness/early_end.hpp"
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

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>
#include <sstream>

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

/// Of the cases that the output has from before, which rank 0 knows.
std::set<std::string> ids_of_all(const Communicator& comm, const std::optional<RunOutput>& output) {
  std::string lines;
  if (output) {
    for (const CaseResult& result : output->report().cases) lines += result.id + '\n';
  }
  std::istringstream text(comm.broadcast(lines));
  std::set<std::string> ids;
  for (std::string id; std::getline(text, id);) ids.insert(id);
  return ids;
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
  const ReportHeader header = make_header(given, plan.size(), comm, instruments);
  // A sample is eight bytes, and eight for its start; a case rarely keeps more than some thousand of them per phase and
  // rank.
  const auto expected_bytes = static_cast<std::int64_t>(plan.size()) * (65536 + 32768 * std::int64_t{comm.size()});
  std::optional<RunOutput> output;  // on rank 0
  const auto record = [&](const std::string& reason) {
    if (output) say("moeperf: " + output->give_up(reason) + '\n');
  };
  std::optional<Watchdog> watchdog(std::in_place, heartbeats, comm.size(), limits, record);
  watch.leave();  // from now on it counts
  on_root(comm, [&] { output.emplace(options, header, expected_bytes); });
  const std::set<std::string> measured = ids_of_all(comm, output);
  if (comm.is_root()) {
    for (const std::string& finding : environment_findings(header)) {
      fmt::print(stderr, "moeperf: warning: {}\n", finding);
    }
    show_preamble(std::cout, header);
    if (!measured.empty())
      std::cout << fmt::format("# {} of {} cases were measured before\n", measured.size(), plan.size());
  }

  const EarlyEnd early_end(comm, options.total_time_s.value_or(0));
  Progress progress(comm.is_root(), static_cast<std::int64_t>(plan.size() - measured.size()));
  ExpertBank bank(backends);
  std::unique_ptr<Problem> problem;
  std::pair<std::size_t, std::size_t> current{plan.size(), 0};
  double longest_case_s = 0;
  for (const PlannedCase& planned : plan) {
    if (measured.count(planned.id) != 0) continue;
    if (const std::string reason = early_end.reason(longest_case_s); !reason.empty()) {
      watchdog.reset();
      on_root(comm, [&] {
        const std::string kept = output->give_up(reason);
        show_end(std::cout, read_report(output->path() + ".part"));
        say(fmt::format("moeperf: {}; {}; --resume {} goes on\n", reason, kept, output->path()));
      });
      return exit_failure;
    }
    const double begin_s = now_s();
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
      const auto& cases = output->report().cases;
      show_case(std::cout, header.axes, result, cases.empty() ? nullptr : &cases.back());
      std::cout.flush();
      output->add_case(std::move(result));
      if (trajectory) output->add_balancing(*trajectory);
    });
    longest_case_s = std::max(longest_case_s, now_s() - begin_s);
  }
  std::string status;
  on_root(comm, [&] {
    status = output->is_complete() ? output->report().status : output->finish();
    show_end(std::cout, read_report(output->path()));
    std::cout << "# report: " << output->path() << '\n';
  });
  watchdog.reset();
  return is_valid(comm.broadcast(status)) ? exit_ok : exit_invalid;
}

}  // namespace moeperf
