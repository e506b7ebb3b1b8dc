#include "harness/sampler.hpp"

#include <algorithm>
#include <sstream>
#include <string>

namespace moeperf {
namespace {

/// How many samples to take before looking again: enough that looking costs little, not so many that
/// the time budget is overrun by more than a sample.
std::int64_t batch_size(const SamplingPlan& plan, std::int64_t taken, double elapsed_s) {
  if (plan.samples > 0) return plan.samples - taken;
  if (taken < plan.min_samples) return plan.min_samples - taken;
  const double per_sample = elapsed_s / static_cast<double>(taken);
  const auto affordable = static_cast<std::int64_t>((plan.max_time_s - elapsed_s) / std::max(per_sample, 1e-9));
  return std::clamp<std::int64_t>(affordable, 1, std::max<std::int64_t>(1, taken / 2));
}

/// Rank 0 turns the gathered [rank, sample] into [sample, rank].
std::vector<double> by_sample(const Communicator& comm, const std::vector<double>& own) {
  const std::vector<double> by_rank = comm.gather(std::span<const double>(own));
  std::vector<double> values(by_rank.size());
  for (std::size_t i = 0; i < by_rank.size(); ++i) {
    const std::size_t rank = i / own.size(), sample = i % own.size();
    values[sample * static_cast<std::size_t>(comm.size()) + rank] = by_rank[i];
  }
  return values;
}

}  // namespace

Sampler::Sampler(Benchmark& benchmark, const Communicator& comm, const Instruments& instruments, Watch& watch)
    : benchmark_(benchmark),
      comm_(comm),
      clock_(*instruments.clock),
      synchroniser_(*instruments.synchroniser),
      watch_(watch),
      parts_(benchmark.parts()),
      meters_(benchmark.meters()),
      durations_(parts_.size()),
      starts_(parts_.size()),
      readings_(meters_.size()),
      flags_(parts_.size()),
      slowest_(parts_.size()) {}

StopReason Sampler::take(const SamplingPlan& plan) {
  synchroniser_.prepare();
  if (const auto fixed = benchmark_.fixed_samples()) {
    take_batch(*fixed, false);
    agree_from(0);
    return StopReason::fixed_count;
  }
  take_batch(plan.warmup, true);
  clear();

  const double start_s = clock_.now_s();
  double elapsed_s = 0;
  while (true) {
    const std::int64_t first = count();
    take_batch(batch_size(plan, first, elapsed_s), false);
    watch_.enter(Step::agree, 0, count() - 1);
    agree_from(static_cast<std::size_t>(first));
    elapsed_s = comm_.max(clock_.now_s() - start_s);
    Series counted;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      if (parts_[part].role == Role::measured) counted.push_back(slowest_[part]);
    }
    if (const auto reason = reason_to_stop(plan, count(), counted, elapsed_s)) return *reason;
  }
}

/// No series grows while samples are taken.
void Sampler::take_batch(std::int64_t count, bool warm_up) {
  for (Series* all : {&durations_, &starts_, &readings_}) {
    for (auto& series : *all) series.reserve(series.size() + static_cast<std::size_t>(count));
  }
  for (std::int64_t i = 0; i < count; ++i) take_one(warm_up);
}

void Sampler::take_one(bool warm_up) {
  const std::int64_t sample = count();
  watch_.enter(Step::between, 0, sample, warm_up);
  benchmark_.before_sample();
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    watch_.enter(Step::align, part, sample, warm_up);
    const std::string_view reason = synchroniser_.align();
    watch_.enter(Step::run, part, sample, warm_up);
    benchmark_.lead_in(part);
    const Interval interval = clock_.time(benchmark_, part);
    durations_[part].push_back(interval.duration_s / static_cast<double>(parts_[part].repetitions));
    starts_[part].push_back(interval.start_s);
    if (!reason.empty()) flags_[part].push_back({sample, reason});
  }
  watch_.enter(Step::between, 0, sample, warm_up);
  benchmark_.after_sample();
  for (std::size_t meter = 0; meter < meters_.size(); ++meter) readings_[meter].push_back(benchmark_.read(meter));
}

void Sampler::clear() {
  for (Series* all : {&durations_, &starts_, &readings_}) {
    for (auto& series : *all) series.clear();
  }
  for (auto& flags : flags_) flags.clear();
}

/// Appends to `slowest_` the samples from `first` on, as maxima over the ranks at work, which those that look on get.
void Sampler::agree_from(std::size_t first) {
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    const auto begin = durations_[part].begin() + static_cast<std::ptrdiff_t>(first);
    const bool looks_on = parts_[part].looks_on;
    std::vector<double> fresh(begin, durations_[part].end());
    if (looks_on) std::fill(fresh.begin(), fresh.end(), 0.0);
    comm_.max(fresh);
    if (looks_on) std::copy(fresh.begin(), fresh.end(), begin);
    const std::vector<double> invalid = invalid_on_any_rank(part, first);
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      if (invalid.empty() || invalid[i] == 0) slowest_[part].push_back(fresh[i]);
    }
  }
}

/// Of each sample from `first` on, whether it is; nothing where none is.
std::vector<double> Sampler::invalid_on_any_rank(std::size_t part, std::size_t first) const {
  const std::vector<Flag>& flags = flags_[part];
  const auto is_fresh = [&](const Flag& flag) { return flag.sample >= static_cast<std::int64_t>(first); };
  if (comm_.all(std::none_of(flags.begin(), flags.end(), is_fresh))) return {};
  std::vector<double> invalid(durations_[part].size() - first, 0);
  for (const Flag& flag : flags) {
    if (is_fresh(flag)) invalid[static_cast<std::size_t>(flag.sample) - first] = 1;
  }
  comm_.max(invalid);
  return invalid;
}

std::vector<InvalidSample> Sampler::gather_flags(std::size_t part) const {
  if (comm_.all(flags_[part].empty())) return {};
  std::string lines;
  for (const Flag& flag : flags_[part]) lines += std::to_string(flag.sample) + ' ' + std::string(flag.reason) + '\n';
  std::vector<InvalidSample> invalid;
  const std::vector<std::string> of_ranks = comm_.gather(lines);
  for (std::size_t rank = 0; rank < of_ranks.size(); ++rank) {
    std::istringstream stream(of_ranks[rank]);
    InvalidSample one{.rank = static_cast<std::int64_t>(rank)};
    while (stream >> one.sample && stream.ignore() && std::getline(stream, one.reason)) invalid.push_back(one);
  }
  std::sort(invalid.begin(), invalid.end());
  return invalid;
}

std::vector<std::int64_t> Sampler::launch_sizes() const {
  if (!comm_.is_root()) return {};
  return {count()};
}

Samples Sampler::gather_times(std::size_t part) const {
  return {.num_ranks = comm_.size(),
          .launch_sizes = launch_sizes(),
          .values = by_sample(comm_, durations_[part]),
          .starts_s = by_sample(comm_, starts_[part]),
          .invalid = gather_flags(part)};
}

std::vector<MeterSeries> Sampler::gather_meters() const {
  std::vector<MeterSeries> series;
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    series.push_back(
        {.meter = meters_[i].name,
         .unit = meters_[i].unit,
         .across_ranks = meters_[i].across_ranks,
         .samples = {
             .num_ranks = comm_.size(), .launch_sizes = launch_sizes(), .values = by_sample(comm_, readings_[i])}});
  }
  return series;
}

}  // namespace moeperf
