#include "results/statistics.hpp"

#include "tests/catch.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace moeperf::test {
namespace {

std::vector<double> up_to(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

Samples one_rank(std::vector<double> seconds) {
  const auto n = static_cast<std::int64_t>(seconds.size());
  return {.num_ranks = 1, .launch_sizes = {n}, .values = std::move(seconds)};
}

TEST_CASE("the time of a sample is that of its slowest rank") {
  const Samples samples{.num_ranks = 3, .launch_sizes = {1, 3}, .values = {1, 5, 2, 9, 3, 4, 7, 7, 8, 1, 2, 1}};
  REQUIRE(max_over_ranks(samples) == std::vector<double>{5, 9, 8, 2});
  REQUIRE(samples.at(2, 2) == 8);
  REQUIRE(max_over_ranks({.num_ranks = 3, .launch_sizes = {0}}).empty());
}

TEST_CASE("an invalid sample is counted and left out of everything else") {
  Samples samples{.num_ranks = 2, .launch_sizes = {3, 1, 2}, .values = {1, 2, 90, 3, 4, 4, 80, 1, 6, 5, 7, 8}};
  samples.invalid = {{1, 0, "late start"}, {3, 0, "late start"}, {3, 1, "late start"}};
  REQUIRE(max_over_ranks(samples) == std::vector<double>{2, 4, 6, 8});
  REQUIRE(launch_medians(samples) == std::vector<double>{3, 7});
  const Summary s = summarize(samples);
  REQUIRE((s.num_samples == 4 && s.num_invalid == 2 && s.median_s == 5 && s.max_s == 8));
  REQUIRE(s.rank_mean_median_s == 4.75);
  REQUIRE(has_valid(samples));
  samples.launch_sizes = {2};
  samples.values = {1, 2, 3, 4};
  samples.invalid = {{0, 0, "late start"}, {1, 1, "late start"}};
  REQUIRE_FALSE(has_valid(samples));
  REQUIRE(summarize(samples).num_invalid == 2);
}

TEST_CASE("a sample of a meter has the largest value of its ranks or their sum, as the meter says") {
  MeterSeries meter{
      .meter = "m",
      .unit = "J",
      .samples = {.num_ranks = 3, .launch_sizes = {1, 3}, .values = {1, 5, 2, 9, 3, 4, 7, 7, 8, 1, 2, -6}}};
  REQUIRE(over_ranks(meter) == std::vector<double>{5, 9, 8, 2});
  REQUIRE(summarize(meter).median_s == 6.5);
  meter.across_ranks = AcrossRanks::sum;
  REQUIRE(over_ranks(meter) == std::vector<double>{8, 16, 22, -3});
  REQUIRE(summarize(meter).median_s == 12);
}

TEST_CASE("a summary of five samples is what a hand computes") {
  const Summary s = summarize(one_rank({4, 1, 10, 2, 3}));
  REQUIRE(s.num_samples == 5);
  REQUIRE(s.median_s == 3);
  REQUIRE(s.mean_s == 4);
  REQUIRE(s.stddev_s == test::Approx(std::sqrt(50.0 / 4)));
  REQUIRE((s.min_s == 1 && s.max_s == 10 && s.q1_s == 2 && s.q3_s == 4));
  REQUIRE_FALSE(s.ci95_reached);
  REQUIRE((s.ci95_low_s == 1 && s.ci95_high_s == 10));
}

TEST_CASE("waiting is the median of the maxima over the median of the means") {
  const Summary s = summarize(Samples{.num_ranks = 2, .launch_sizes = {3}, .values = {1, 3, 2, 6, 1, 1}});
  REQUIRE(s.median_s == 3);
  REQUIRE(s.rank_mean_median_s == 2);
}

TEST_CASE("one sample and no sample have a summary") {
  const Summary one = summarize(one_rank({7}));
  REQUIRE((one.median_s == 7 && one.stddev_s == 0 && !one.ci95_reached));
  REQUIRE(summarize(Samples{}).num_samples == 0);
  REQUIRE(std::isnan(quantile({}, 0.5)));
}

TEST_CASE("quantiles interpolate between order statistics") {
  const std::vector<double> values{1, 2, 4, 8};
  REQUIRE(quantile(values, 0) == 1);
  REQUIRE(quantile(values, 1) == 8);
  REQUIRE(quantile(values, 0.5) == 3);
  REQUIRE(quantile(values, 0.25) == 1.75);
}

TEST_CASE("the order statistics of the median's interval are those of the tables") {
  // Rank of the lower end for 95 % (e.g. Conover, Practical Nonparametric Statistics, from the binomial).
  const std::vector<std::pair<int, int>> table{{6, 1},  {8, 1},  {9, 2},   {11, 2},   {12, 3},    {15, 4},
                                               {20, 6}, {25, 8}, {50, 18}, {100, 40}, {1000, 469}};
  for (const auto& [n, rank] : table) {
    const MedianInterval interval = median_interval(up_to(n));
    INFO(n);
    REQUIRE(interval.reached);
    REQUIRE(interval.low == rank);
    REQUIRE(interval.high == n + 1 - rank);
  }
  for (const int n : {1, 2, 5}) REQUIRE_FALSE(median_interval(up_to(n)).reached);
  REQUIRE_FALSE(median_interval(up_to(6), 0.975).reached);
  REQUIRE(median_interval(up_to(7), 0.975).reached);
  REQUIRE_FALSE(median_interval({}).reached);
}

TEST_CASE("the interval of very many values agrees with the normal approximation") {
  for (const int n : {10'000, 1'000'001}) {
    const double expected = (n - 1.959963984540054 * std::sqrt(n)) / 2;
    REQUIRE(std::abs(median_interval(up_to(n)).low - expected) < 2);
  }
}

TEST_CASE("95 % intervals contain the true median at least 95 % of the time") {
  std::mt19937_64 random(20'240'229);
  std::exponential_distribution<double> times(1.0);
  const double truth = std::log(2.0);
  for (const int n : {6, 10, 25, 80}) {
    int covered = 0;
    const int trials = 4000;
    for (int trial = 0; trial < trials; ++trial) {
      std::vector<double> values(static_cast<std::size_t>(n));
      std::generate(values.begin(), values.end(), [&] { return times(random); });
      std::sort(values.begin(), values.end());
      const MedianInterval interval = median_interval(values);
      covered += interval.low <= truth && truth <= interval.high ? 1 : 0;
    }
    INFO(n);
    REQUIRE(covered >= trials * 0.95 - 3 * std::sqrt(trials * 0.95 * 0.05));
    REQUIRE(covered < trials);
  }
}

TEST_CASE("identical distributions are told apart in at most 5 % of the comparisons") {
  std::mt19937_64 random(77);
  std::lognormal_distribution<double> times(0.0, 0.5);
  int different = 0;
  const int trials = 2000;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> a(30), b(30);
    std::generate(a.begin(), a.end(), [&] { return times(random); });
    std::generate(b.begin(), b.end(), [&] { return times(random); });
    const RatioOfMedians ratio = ratio_of_medians(a, b);
    different += ratio.low > 1 || ratio.high < 1 ? 1 : 0;
  }
  REQUIRE(different <= trials * 0.05);
}

TEST_CASE("percentiles that the samples cannot support are refused") {
  REQUIRE_FALSE(summarize(one_rank(up_to(99))).p95_s);
  REQUIRE(summarize(one_rank(up_to(100))).p95_s);
  REQUIRE_FALSE(summarize(one_rank(up_to(499))).p99_s);
  REQUIRE(summarize(one_rank(up_to(501))).p99_s == 496);
}

TEST_CASE("the relative interval is infinite until it is reached, whatever the order of the values") {
  REQUIRE(std::isinf(relative_ci(up_to(5))));
  REQUIRE(relative_ci(std::vector<double>{6, 1, 5, 2, 4, 3}) == 2.5 / 3.5);
  REQUIRE(relative_ci(std::vector<double>(10, 3.0)) == 0);
}

TEST_CASE("a ratio of medians is a ratio with an interval around it") {
  const std::vector<double> base = up_to(7);
  std::vector<double> twice = base;
  for (double& value : twice) value *= 2;
  const RatioOfMedians ratio = ratio_of_medians(base, twice);
  REQUIRE((ratio.reached && ratio.ratio == 2 && ratio.low == 2.0 / 7 && ratio.high == 14));
  const RatioOfMedians same = ratio_of_medians(base, base);
  REQUIRE((same.ratio == 1 && same.low < 1 && same.high > 1));
  REQUIRE_FALSE(ratio_of_medians(base, up_to(6)).reached);
  REQUIRE_FALSE(ratio_of_medians({}, base).reached);
}

TEST_CASE("a ratio to a base without time is not reached and not NaN") {
  const std::vector<double> zeros(10, 0.0);
  const RatioOfMedians ratio = ratio_of_medians(zeros, up_to(10));
  REQUIRE_FALSE(ratio.reached);
  REQUIRE(ratio.ratio == 1);
}

}  // namespace
}  // namespace moeperf::test
