#include "harness/runner.hpp"

#include "harness/agreement.hpp"
#include "harness/ceiling.hpp"
#include "harness/clock.hpp"
#include "kernels/base/host_name.hpp"
#include "results/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace moeperf {
namespace {

/// [part or meter][sample].
using Series = std::vector<std::vector<double>>;

/// What is known before the first sample.
struct CasePlan {
  std::vector<PartInfo> parts;
  std::vector<MeterInfo> meters;
};

/// This rank's times and readings.
struct Taken {
  Series times, readings;

  explicit Taken(const CasePlan& plan) : times(plan.parts.size()), readings(plan.meters.size()) {}

  std::size_t count() const { return times.front().size(); }
  /// No memory is allocated while samples are taken.
  void reserve(std::int64_t more) {
    for_each_series(
        [&](std::vector<double>& series) { series.reserve(series.size() + static_cast<std::size_t>(more)); });
  }
  void clear() {
    for_each_series([](std::vector<double>& series) { series.clear(); });
  }

 private:
  template <class Do>
  void for_each_series(Do what) {
    for (auto& series : times) what(series);
    for (auto& series : readings) what(series);
  }
};

void take_sample(Benchmark& benchmark, Synchroniser& synchroniser, Watch& watch, bool warm_up, const CasePlan& plan,
                 Taken& taken) {
  const auto sample = static_cast<std::int64_t>(taken.count());
  watch.enter(Step::between, 0, sample, warm_up);
  benchmark.before_sample();
  for (std::size_t part = 0; part < plan.parts.size(); ++part) {
    watch.enter(Step::align, part, sample, warm_up);
    synchroniser.align();
    watch.enter(Step::run, part, sample, warm_up);
    const double start = now_s();
    benchmark.run(part);
    const double elapsed = now_s() - start;
    taken.times[part].push_back(elapsed / static_cast<double>(plan.parts[part].repetitions));
  }
  watch.enter(Step::between, 0, sample, warm_up);
  benchmark.after_sample();
  for (std::size_t meter = 0; meter < plan.meters.size(); ++meter) {
    taken.readings[meter].push_back(benchmark.read(meter));
  }
}

/// Appends to `slowest` the samples from `first` on, as maxima over the ranks at work, which those that look on get.
void append_maxima(const Communicator& comm, const CasePlan& plan, std::size_t first, Series& times, Series& slowest) {
  for (std::size_t part = 0; part < times.size(); ++part) {
    const auto begin = times[part].begin() + static_cast<std::ptrdiff_t>(first);
    const bool looks_on = plan.parts[part].looks_on;
    std::vector<double> fresh(begin, times[part].end());
    if (looks_on) std::fill(fresh.begin(), fresh.end(), 0.0);
    comm.max(fresh);
    if (looks_on) std::copy(fresh.begin(), fresh.end(), begin);
    slowest[part].insert(slowest[part].end(), fresh.begin(), fresh.end());
  }
}

/// How many samples to take before looking again: enough that looking costs little, not so many that
/// the time budget is overrun by more than a sample.
std::int64_t batch_size(const SamplingPlan& plan, std::int64_t taken, double elapsed_s) {
  if (plan.samples > 0) return plan.samples - taken;
  if (taken < plan.min_samples) return plan.min_samples - taken;
  const double per_sample = elapsed_s / static_cast<double>(taken);
  const auto affordable = static_cast<std::int64_t>((plan.max_time_s - elapsed_s) / std::max(per_sample, 1e-9));
  return std::clamp<std::int64_t>(affordable, 1, std::max<std::int64_t>(1, taken / 2));
}

std::vector<std::string> names_of(const std::vector<PartInfo>& parts) {
  std::vector<std::string> names;
  for (const PartInfo& part : parts) names.push_back(part.name);
  return names;
}

StopReason sample(Benchmark& benchmark, const Communicator& comm, Synchroniser& synchroniser, const SamplingPlan& plan,
                  Watch& watch, const CasePlan& what, Taken& taken) {
  Series slowest(what.parts.size());
  const auto take = [&](std::int64_t count, bool warm_up) {
    taken.reserve(std::max<std::int64_t>(1, count));
    for (std::int64_t i = 0; i < count; ++i) take_sample(benchmark, synchroniser, watch, warm_up, what, taken);
  };
  if (const auto fixed = benchmark.fixed_samples()) {
    take(*fixed, false);
    append_maxima(comm, what, 0, taken.times, slowest);
    return StopReason::fixed_count;
  }
  take(plan.warmup, true);
  taken.clear();

  const double start = now_s();
  double elapsed = 0;
  while (true) {
    const std::size_t first = taken.count();
    const std::int64_t batch = batch_size(plan, static_cast<std::int64_t>(first), elapsed);
    take(batch, false);
    watch.enter(Step::agree, 0, static_cast<std::int64_t>(first) + batch - 1);
    append_maxima(comm, what, first, taken.times, slowest);
    elapsed = comm.max(now_s() - start);
    Series counted;
    for (std::size_t part = 0; part < what.parts.size(); ++part) {
      if (what.parts[part].role == Role::measured) counted.push_back(slowest[part]);
    }
    if (const auto reason = reason_to_stop(plan, counted, elapsed)) return *reason;
  }
}

WorkModel sum_over_ranks(const Communicator& comm, const WorkModel& own) {
  WorkModel total;
  for (const auto& [name, field] : schema::work_fields) total.*field = comm.sum(own.*field);
  return total;
}

/// Rank 0 turns the gathered [rank, sample] into the report's [launch = 1, sample, rank].
Samples gather_samples(const Communicator& comm, const std::vector<double>& own) {
  Samples samples;
  samples.num_samples = static_cast<std::int64_t>(own.size());
  samples.num_ranks = comm.size();
  const std::vector<double> by_rank = comm.gather(std::span<const double>(own));
  samples.seconds.resize(by_rank.size());
  for (std::size_t i = 0; i < by_rank.size(); ++i) {
    const std::size_t rank = i / own.size();
    const std::size_t sample = i % own.size();
    samples.seconds[sample * static_cast<std::size_t>(comm.size()) + rank] = by_rank[i];
  }
  return samples;
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
void check_ceilings(const Communicator& comm, const std::vector<PartInfo>& parts, const std::vector<WorkModel>& work,
                    const Series& times, CaseResult& result) {
  std::string reason;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    if (const std::string why = too_fast(parts[part], work[part], times[part]); reason.empty() && !why.empty()) {
      reason = fmt::format("rank {} on {}: {}", comm.rank(), host_name(), why);
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

void run_case(Benchmark& benchmark, const Communicator& comm, Synchroniser& synchroniser, const SamplingPlan& plan,
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
    result.skipped = *failure;
    result.should_run = result.should_run || !comm.all(!was_unforeseen);
    return;
  }
  const CasePlan what{benchmark.parts(), benchmark.meters()};
  const std::vector<PartInfo>& parts = what.parts;
  Taken taken(what);
  watch.name_parts(names_of(parts));
  const StopReason reason = sample(benchmark, comm, synchroniser, plan, watch, what, taken);
  result.stop_reason = name(reason);

  watch.enter(Step::agree, 0, static_cast<std::int64_t>(taken.count()) - 1);
  std::vector<WorkModel> work;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    work.push_back(benchmark.work(part));
    result.measurements.push_back({.part = parts[part].name,
                                   .samples = gather_samples(comm, taken.times[part]),
                                   .work = sum_over_ranks(comm, work.back()),
                                   .baselines = parts[part].baselines,
                                   .baseline_work_ratio = parts[part].baseline_work_ratio,
                                   .role = parts[part].role});
  }
  for (std::size_t meter = 0; meter < what.meters.size(); ++meter) {
    result.meters.push_back({.meter = what.meters[meter].name,
                             .unit = what.meters[meter].unit,
                             .across_ranks = what.meters[meter].across_ranks,
                             .samples = gather_samples(comm, taken.readings[meter])});
  }

  if (!benchmark.fixed_samples()) {
    benchmark.poison();
    for (std::size_t part = 0; part < parts.size(); ++part) {
      watch.enter(Step::rerun, part);
      benchmark.run(part);
    }
  }
  watch.enter(Step::verify);
  result.verification = verify_on_all_ranks(benchmark, comm);
  check_ceilings(comm, parts, work, taken.times, result);
  benchmark.finish(result);
}

}  // namespace moeperf
