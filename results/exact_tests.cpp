#include "results/exact_tests.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moeperf {
namespace {

/// Twice the rank of each value among all, counted from 1: of equal ones the mean rank, so that doubled it is whole.
std::vector<std::int64_t> doubled_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  std::vector<std::int64_t> ranks(values.size());
  for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t i = first; i < end; ++i) ranks[order[i]] = static_cast<std::int64_t>(first + 1 + end);
  }
  return ranks;
}

/// A distribution of whole numbers from 0 on: how often each comes, relative to the sum.
using Counts = std::vector<double>;

/// Of the sums of all selections of `chosen` of the numbers; −1: of any number of them.
Counts counts_of_sums(std::span<const std::int64_t> numbers, std::int64_t chosen) {
  const bool any = chosen < 0;
  const auto total = static_cast<std::size_t>(std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0}));
  std::vector<Counts> of_size(any ? 1 : static_cast<std::size_t>(chosen) + 1, Counts(total + 1, 0.0));
  of_size[0][0] = 1;
  std::size_t reached = 0;
  for (const std::int64_t number : numbers) {
    const auto step = static_cast<std::size_t>(number);
    reached += step;
    // From the largest on, so that each number is taken once.
    for (std::size_t size = any ? 1 : of_size.size() - 1; size > 0; --size) {
      const Counts& from = any ? of_size[0] : of_size[size - 1];
      Counts& to = any ? of_size[0] : of_size[size];
      for (std::size_t sum = reached; sum >= step; --sum) to[sum] += from[sum - step];
    }
  }
  return of_size.back();
}

/// Two-sided: twice the smaller tail, from and with `at`.
double tail_p(const Counts& counts, std::int64_t at) {
  const auto middle = counts.begin() + at;
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double below = std::accumulate(counts.begin(), middle + 1, 0.0);
  const double above = std::accumulate(middle, counts.end(), 0.0);
  return std::min(1.0, 2 * std::min(below, above) / all);
}

/// The estimate and the interval from all single differences that the statistic counts: as many are cut from each end
/// as the statistic may count at most to be rejected. `counts`: its distribution without equal values.
Shift shift_from(std::vector<double> differences, const Counts& counts, double confidence) {
  if (differences.empty()) return {};
  std::sort(differences.begin(), differences.end());
  const std::size_t n = differences.size();
  Shift shift{(differences[(n - 1) / 2] + differences[n / 2]) / 2, differences.front(), differences.back(), false};
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  double below = 0;
  for (std::size_t cut = 0; cut < n / 2; ++cut) {
    below += counts[cut];
    if (2 * below > (1 - confidence) * all) break;
    shift = {shift.shift, differences[cut], differences[n - 1 - cut], true};
  }
  return shift;
}

std::vector<std::int64_t> first_numbers(std::size_t n) {
  std::vector<std::int64_t> numbers(n);
  std::iota(numbers.begin(), numbers.end(), std::int64_t{1});
  return numbers;
}

}  // namespace

double rank_sum_p(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return 1;
  if (b.size() < a.size()) return rank_sum_p(b, a);
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  const std::vector<std::int64_t> ranks = doubled_ranks(all);
  const auto own_end = ranks.begin() + static_cast<std::ptrdiff_t>(a.size());
  return tail_p(counts_of_sums(ranks, static_cast<std::int64_t>(a.size())),
                std::accumulate(ranks.begin(), own_end, std::int64_t{0}));
}

double least_rank_sum_p(std::int64_t a, std::int64_t b) {
  double ways = 1;  // of choosing a of a + b
  for (std::int64_t i = 1; i <= a; ++i) ways = ways * static_cast<double>(b + i) / static_cast<double>(i);
  return std::min(1.0, 2 / ways);
}

double signed_rank_p(std::span<const double> differences) {
  std::vector<double> sizes;
  for (const double d : differences) {
    if (d != 0) sizes.push_back(std::abs(d));
  }
  const std::vector<std::int64_t> ranks = doubled_ranks(sizes);
  std::int64_t positive = 0;
  std::size_t i = 0;
  for (const double d : differences) {
    if (d > 0) positive += ranks[i];
    if (d != 0) ++i;
  }
  return tail_p(counts_of_sums(ranks, -1), positive);
}

double least_signed_rank_p(std::int64_t pairs) { return std::min(1.0, std::ldexp(2.0, -static_cast<int>(pairs))); }

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return p[i] < p[j]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(order.size() - i) * p[order[i]]));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

Shift shift_between(std::span<const double> a, std::span<const double> b, double confidence) {
  std::vector<double> differences;
  for (const double x : a) {
    for (const double y : b) differences.push_back(y - x);
  }
  // Without equal values the statistic, how many of these are negative, is a sum of ranks less its least.
  const std::size_t few = std::min(a.size(), b.size());
  Counts counts = counts_of_sums(first_numbers(a.size() + b.size()), static_cast<std::int64_t>(few));
  counts.erase(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(few * (few + 1) / 2));
  return shift_from(std::move(differences), counts, confidence);
}

Shift shift_of_pairs(std::span<const double> differences, double confidence) {
  std::vector<double> means;
  for (std::size_t i = 0; i < differences.size(); ++i) {
    for (std::size_t j = i; j < differences.size(); ++j) means.push_back((differences[i] + differences[j]) / 2);
  }
  return shift_from(std::move(means), counts_of_sums(first_numbers(differences.size()), -1), confidence);
}

}  // namespace moeperf
