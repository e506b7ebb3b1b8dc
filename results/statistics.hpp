#pragma once

#include "results/report.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace moeperf {

/// Summary of one part, each field a pure function of the raw samples (method: median and
/// non-parametric interval; percentiles that the number of samples cannot support are absent).
struct Summary {
  std::int64_t num_samples = 0;            ///< valid ones, pooled over launches
  std::int64_t num_invalid = 0;            ///< left out
  double median_s = 0;                     ///< of several launches: of their medians
  double ci95_low_s = 0, ci95_high_s = 0;  ///< 95 % CI of the median from order statistics: of samples, or of launches
  bool ci95_reached = false;               ///< false: too few of them for 95 %; the interval is [min, max]
  double mean_s = 0, stddev_s = 0;
  double min_s = 0, max_s = 0, q1_s = 0, q3_s = 0;
  std::optional<double> p95_s, p99_s;  ///< from 100 and 500 samples on: five are expected beyond them
  double rank_mean_median_s = 0;       ///< median over samples of the mean over ranks: max − mean is waiting
};

/// The time of each valid sample: the maximum over ranks, in order, pooled over launches.
std::vector<double> max_over_ranks(const Samples& samples);

/// Whether any sample is valid.
bool has_valid(const Samples& samples);

/// The median of these in each launch; none where a launch has no valid sample.
std::vector<std::optional<double>> medians_by_launch(const Samples& samples);
/// Of those launches that have one.
std::vector<double> launch_medians(const Samples& samples);

Summary summarize(const Samples& samples);

/// The value of each sample of a meter, over all ranks as it says, in order, pooled over launches.
std::vector<double> over_ranks(const MeterSeries& meter);

/// In the meter's unit, whatever the names of the fields say.
Summary summarize(const MeterSeries& meter);

/// Linear interpolation between order statistics (type 7 of Hyndman & Fan) of sorted values; NaN of none.
double quantile(std::span<const double> sorted, double probability);

/// Non-parametric confidence interval of the median: the narrowest symmetric pair of order statistics whose
/// binomial coverage, computed exactly, is at least `confidence` (95 % takes 6 values, 97.5 % takes 7);
/// [min, max] when the samples are too few for it, with `reached` false.
struct MedianInterval {
  double low = 0, high = 0;
  bool reached = true;
};
MedianInterval median_interval(std::span<const double> sorted, double confidence = 0.95);

/// Half-width of the 95 % CI of the median over the median; infinite when not reached.
double relative_ci(std::span<const double> values);

/// Ratio of medians new/base with a conservative 95 % interval: both medians' 97.5 % intervals
/// divided corner against corner. Without values, or with a base of no time: 1 in [0, inf], not reached.
struct RatioOfMedians {
  double ratio = 1, low = 1, high = 1;
  bool reached = true;  ///< false: too few samples for the stated confidence
};
RatioOfMedians ratio_of_medians(std::span<const double> base, std::span<const double> fresh);

}  // namespace moeperf
