#include "harness/runner.hpp"

#include "harness/agreement.hpp"
#include "harness/ceiling.hpp"
#include "harness/sampler.hpp"
#include "kernels/base/host_name.hpp"
#include "results/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace moeperf {
namespace {

std::vector<std::string> names_of(const std::vector<PartInfo>& parts) {
  std::vector<std::string> names;
  for (const PartInfo& part : parts) names.push_back(part.name);
  return names;
}

WorkModel sum_over_ranks(const Communicator& comm, const WorkModel& own) {
  WorkModel total;
  for (const auto& [name, field] : schema::work_fields) total.*field = comm.sum(own.*field);
  return total;
}

/// Those of any rank, each once, in the order of ranks. Collective.
std::vector<std::string> failed_claims(const Communicator& comm, const Verification& own) {
  std::string lines;
  for (const std::string& claim : own.failed) lines += claim + '\n';
  std::vector<std::string> claims;
  for (const std::string& of_rank : comm.all_gather(lines)) {
    std::istringstream stream(of_rank);
    for (std::string claim; std::getline(stream, claim);) {
      if (std::find(claims.begin(), claims.end(), claim) == claims.end()) claims.push_back(claim);
    }
  }
  return claims;
}

Verification verify_on_all_ranks(Benchmark& benchmark, const Communicator& comm) {
  Verification own;
  const auto failure = failure_on_any_rank(comm, [&] { own = benchmark.verify(); });
  Verification total = own;
  total.performed = true;
  total.wrong = comm.sum(own.wrong);
  total.checked = comm.sum(own.checked);
  total.max_error = comm.max(own.max_error);
  total.tolerance = comm.max(own.tolerance);
  const bool all_passed = comm.all(own.passed);
  total.passed = !failure && all_passed && total.checked > 0;
  total.failed = failed_claims(comm, own);
  if (failure) total.failed.push_back("verification failed to run: " + *failure);
  if (!failure && total.checked == 0) total.failed.push_back("nothing was compared");
  return total;
}

/// Makes the case wrong where a rank was faster in a part than it can be, and records the ceilings that all ranks
/// know. Collective.
void check_ceilings(const Communicator& comm, const Sampler& sampler, const std::vector<WorkModel>& work,
                    CaseResult& result) {
  const std::vector<PartInfo>& parts = sampler.parts();
  std::string reason;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (const std::string own = too_fast(parts[part], work[part], sampler.own_times(part));
        reason.empty() && !own.empty()) {
      reason = fmt::format("rank {} on {}: {}", comm.rank(), host_name(), own);
    }
    const double ceiling = parts[part].ceiling_flop_per_s, total = comm.sum(ceiling);
    if (comm.all(ceiling > 0)) result.metrics[parts[part].name + "_ceiling_flop_per_s"] = total;
  }
  if (const auto first = comm.first_reason(reason)) {
    result.verification.passed = false;
    result.verification.failed.push_back(*first);
  }
}

}  // namespace

void run_case(Benchmark& benchmark, const Communicator& comm, const Instruments& instruments, const SamplingPlan& plan,
              Watch& watch, CaseResult& result) {
  const WatchedCase watched(watch, result.id);
  watch.enter(Step::prepare);
  bool was_unforeseen = false;
  const auto prepare = [&] {
    try {
      benchmark.prepare();
    } catch (const UnsupportedError&) {
      throw;
    } catch (...) {
      was_unforeseen = true;
      throw;
    }
  };
  if (const auto failure = failure_on_any_rank(comm, prepare)) {
    result.skip_reason = *failure;
    result.should_run = result.should_run || !comm.all(!was_unforeseen);
    return;
  }
  Sampler sampler(benchmark, comm, instruments, watch);
  const std::vector<PartInfo>& parts = sampler.parts();
  watch.name_parts(names_of(parts));
  result.stop_reason = name(sampler.take(plan));

  watch.enter(Step::agree, 0, sampler.count() - 1);
  std::vector<WorkModel> work;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    work.push_back(benchmark.work(part));
    result.measurements.push_back({.part = parts[part].name,
                                   .samples = sampler.gather_times(part),
                                   .work = sum_over_ranks(comm, work.back()),
                                   .baselines = parts[part].baselines,
                                   .baseline_work_ratio = parts[part].baseline_work_ratio,
                                   .role = parts[part].role});
  }
  result.meters = sampler.gather_meters();
  instruments.synchroniser->finish(result);

  if (!benchmark.fixed_samples()) {
    benchmark.poison();
    for (std::size_t part = 0; part < parts.size(); ++part) {
      watch.enter(Step::rerun, part);
      benchmark.run(part);
    }
  }
  watch.enter(Step::verify);
  result.verification = verify_on_all_ranks(benchmark, comm);
  check_ceilings(comm, sampler, work, result);
  benchmark.finish(result);
}

}  // namespace moeperf
