#include "results/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

// Only +, -, *, / and sqrt, always in the same order: the same samples give the same bits on every machine.
namespace moeperf {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<double> sorted_copy(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The largest k with 2·P(B ≤ k) ≤ 1 − confidence for B ~ Binomial(n, 1/2), or −1. Exact for every n: the
/// binomial coefficients are taken relative to the central one, down to where they cannot matter, so that
/// nothing underflows.
std::int64_t order_statistics_to_cut(std::int64_t n, double confidence) {
  std::vector<double> weight{1.0};  // weight[i]: C(n, n/2 − i) / C(n, n/2)
  for (std::int64_t k = n / 2 - 1; k >= 0 && weight.back() > 1e-20; --k) {
    weight.push_back(weight.back() * static_cast<double>(k + 1) / static_cast<double>(n - k));
  }
  double total = 0;
  for (std::size_t i = weight.size(); i-- > 0;) total += weight[i];
  total = 2 * total - (n % 2 == 0 ? weight.front() : 0);  // for even n the centre has no twin

  const std::int64_t lowest = n / 2 - static_cast<std::int64_t>(weight.size()) + 1;
  std::int64_t cut = lowest - 1;
  double below = 0;
  for (std::int64_t k = lowest; k < n / 2; ++k) {
    below += weight[static_cast<std::size_t>(n / 2 - k)];
    if (2 * below > (1 - confidence) * total) break;
    cut = k;
  }
  return cut;
}

/// A percentile is given only where at least five samples are expected beyond it; with fewer it is a
/// statement about one or two extreme samples. 95: from 100 samples on; 99: from 500.
std::optional<double> percentile(std::span<const double> sorted, int percent) {
  if (static_cast<std::int64_t>(sorted.size()) * (100 - percent) < 500) return std::nullopt;
  return quantile(sorted, percent / 100.0);
}

double stddev_of(std::span<const double> values, double mean) {
  if (values.size() < 2) return 0;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

/// Of each sample, whether no rank marks it as invalid.
std::vector<bool> valid_samples(const Samples& samples) {
  std::vector<bool> valid(static_cast<std::size_t>(samples.num_samples()), true);
  for (const InvalidSample& one : samples.invalid) valid[static_cast<std::size_t>(one.sample)] = false;
  return valid;
}

/// One value of the ranks' values of each valid sample. `launch`: only of that one; −1: of all.
template <class Combine>
std::vector<double> over_ranks(const Samples& samples, Combine combine, std::int64_t launch = -1) {
  const std::vector<bool> valid = valid_samples(samples);
  std::vector<double> combined;
  std::size_t sample = 0;
  for (std::int64_t i = 0; i < samples.num_launches(); ++i) {
    for (std::int64_t left = samples.launch_sizes[static_cast<std::size_t>(i)]; left > 0; --left, ++sample) {
      const auto ranks = static_cast<std::size_t>(samples.num_ranks);
      if (valid[sample] && (launch < 0 || launch == i))
        combined.push_back(combine(std::span(samples.values).subspan(sample * ranks, ranks)));
    }
  }
  return combined;
}

double largest(std::span<const double> values) { return *std::max_element(values.begin(), values.end()); }
double sum(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

double median_of_rank_means(const Samples& samples) {
  std::vector<double> means = over_ranks(samples, mean_of);
  std::sort(means.begin(), means.end());
  return quantile(means, 0.5);
}

}  // namespace

std::vector<double> max_over_ranks(const Samples& samples) { return over_ranks(samples, largest); }

bool has_valid(const Samples& samples) { return !max_over_ranks(samples).empty(); }

namespace {

std::vector<std::optional<double>> medians_by_launch(const Samples& samples,
                                                     double (*combine)(std::span<const double>)) {
  std::vector<std::optional<double>> medians(samples.launch_sizes.size());
  for (std::size_t launch = 0; launch < medians.size(); ++launch) {
    std::vector<double> values = over_ranks(samples, combine, static_cast<std::int64_t>(launch));
    std::sort(values.begin(), values.end());
    if (!values.empty()) medians[launch] = quantile(values, 0.5);
  }
  return medians;
}

std::vector<double> that_are_there(const std::vector<std::optional<double>>& medians) {
  std::vector<double> values;
  for (const std::optional<double>& median : medians) {
    if (median) values.push_back(*median);
  }
  return values;
}

}  // namespace

std::vector<std::optional<double>> medians_by_launch(const Samples& samples) {
  return medians_by_launch(samples, largest);
}

std::vector<double> launch_medians(const Samples& samples) { return that_are_there(medians_by_launch(samples)); }

namespace {

auto across(const MeterSeries& meter) { return meter.across_ranks == AcrossRanks::max ? largest : sum; }

std::vector<double> launch_medians(const MeterSeries& meter) {
  return that_are_there(medians_by_launch(meter.samples, across(meter)));
}

}  // namespace

double quantile(std::span<const double> sorted, double probability) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

MedianInterval median_interval(std::span<const double> sorted, double confidence) {
  const auto n = static_cast<std::int64_t>(sorted.size());
  if (n == 0) return {0, 0, false};
  // With k order statistics cut from each end, x(k+1) … x(n−k) misses the median with probability 2·P(B ≤ k).
  const std::int64_t k = order_statistics_to_cut(n, confidence);
  if (k < 0) return {sorted.front(), sorted.back(), false};
  return {sorted[static_cast<std::size_t>(k)], sorted[static_cast<std::size_t>(n - 1 - k)], true};
}

std::vector<double> over_ranks(const MeterSeries& meter) { return over_ranks(meter.samples, across(meter)); }

namespace {

/// `medians`: of the launches.
Summary summary_of(std::span<const double> values, const Samples& samples, const std::vector<double>& medians) {
  Summary summary;
  const std::vector<double> sorted = sorted_copy(values);
  summary.num_samples = static_cast<std::int64_t>(sorted.size());
  summary.num_invalid = samples.num_samples() - summary.num_samples;
  if (sorted.empty()) return summary;
  // Samples of one launch say nothing about how launches differ.
  const std::vector<double> units = medians.size() > 1 ? sorted_copy(medians) : sorted;
  const MedianInterval interval = median_interval(units);
  summary.median_s = quantile(units, 0.5);
  summary.ci95_low_s = interval.low;
  summary.ci95_high_s = interval.high;
  summary.ci95_reached = interval.reached;
  summary.mean_s = mean_of(sorted);
  summary.stddev_s = stddev_of(sorted, summary.mean_s);
  summary.min_s = sorted.front();
  summary.max_s = sorted.back();
  summary.q1_s = quantile(sorted, 0.25);
  summary.q3_s = quantile(sorted, 0.75);
  summary.p95_s = percentile(sorted, 95);
  summary.p99_s = percentile(sorted, 99);
  summary.rank_mean_median_s = median_of_rank_means(samples);
  return summary;
}

}  // namespace

Summary summarize(const Samples& samples) {
  return summary_of(max_over_ranks(samples), samples, launch_medians(samples));
}

Summary summarize(const MeterSeries& meter) {
  return summary_of(over_ranks(meter), meter.samples, launch_medians(meter));
}

double relative_ci(std::span<const double> values) {
  const std::vector<double> sorted = sorted_copy(values);
  const MedianInterval interval = median_interval(sorted);
  if (!interval.reached) return infinity;
  const double half_width = (interval.high - interval.low) / 2;
  const double median = quantile(sorted, 0.5);
  if (median > 0) return half_width / median;
  return half_width > 0 ? infinity : 0;
}

RatioOfMedians ratio_of_medians(std::span<const double> base, std::span<const double> fresh) {
  const std::vector<double> a = sorted_copy(base);
  const std::vector<double> b = sorted_copy(fresh);
  // Each interval misses with at most 2.5 %, so both together with at most 5 %.
  const MedianInterval below = median_interval(a, 0.975);
  const MedianInterval above = median_interval(b, 0.975);
  if (a.empty() || b.empty() || below.low <= 0) return {1, 0, infinity, false};
  return {quantile(b, 0.5) / quantile(a, 0.5), above.low / below.high, above.high / below.low,
          below.reached && above.reached};
}

}  // namespace moeperf
