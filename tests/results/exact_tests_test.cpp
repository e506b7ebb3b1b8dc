#include "results/exact_tests.hpp"

#include "tests/catch.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace moeperf {
namespace {

using Values = std::vector<double>;

double rank_of(double value, const Values& all) {
  double below = 0, equal = 0;
  for (const double other : all) {
    below += other < value ? 1 : 0;
    equal += other == value ? 1 : 0;
  }
  return below + (equal + 1) / 2;
}

/// Two-sided, over all ways of saying which values are the group's, one by one.
double rank_sum_p_by_hand(const Values& a, const Values& b) {
  Values all = a;
  all.insert(all.end(), b.begin(), b.end());
  double own = 0;
  for (const double value : a) own += rank_of(value, all);
  std::vector<bool> chosen(all.size(), false);
  std::fill(chosen.end() - static_cast<std::ptrdiff_t>(a.size()), chosen.end(), true);
  double ways = 0, below = 0, above = 0;
  do {
    double sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i) sum += chosen[i] ? rank_of(all[i], all) : 0;
    ++ways;
    below += sum <= own ? 1 : 0;
    above += sum >= own ? 1 : 0;
  } while (std::next_permutation(chosen.begin(), chosen.end()));
  return std::min(1.0, 2 * std::min(below, above) / ways);
}

double signed_rank_p_by_hand(const Values& differences) {
  Values sizes;
  for (const double d : differences) {
    if (d != 0) sizes.push_back(std::abs(d));
  }
  double own = 0;
  for (const double d : differences) own += d > 0 ? rank_of(d, sizes) : 0;
  double below = 0, above = 0;
  for (unsigned signs = 0; signs < (1u << sizes.size()); ++signs) {
    double sum = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) sum += (signs >> i & 1u) != 0 ? rank_of(sizes[i], sizes) : 0;
    below += sum <= own ? 1 : 0;
    above += sum >= own ? 1 : 0;
  }
  return std::min(1.0, 2 * std::min(below, above) / static_cast<double>(1u << sizes.size()));
}

/// Small whole numbers, of which many are equal, or others.
Values drawn(std::mt19937_64& random, std::size_t n, bool whole) {
  Values values(n);
  for (double& value : values) {
    value = std::uniform_real_distribution<double>(-3, 3)(random);
    if (whole) value = std::round(value);
  }
  return values;
}

TEST_CASE("both tests agree with counting all cases one by one, equal values or not") {
  std::mt19937_64 random(5);
  for (const bool whole : {false, true}) {
    for (std::size_t n = 1; n <= 6; ++n) {
      for (std::size_t m = 1; m <= 6; ++m) {
        const Values a = drawn(random, n, whole), b = drawn(random, m, whole);
        REQUIRE(std::abs(rank_sum_p(a, b) - rank_sum_p_by_hand(a, b)) < 1e-12);
        REQUIRE(std::abs(rank_sum_p(b, a) - rank_sum_p(a, b)) < 1e-12);
      }
      const Values d = drawn(random, 2 * n, whole);
      REQUIRE(std::abs(signed_rank_p(d) - signed_rank_p_by_hand(d)) < 1e-12);
    }
  }
}

TEST_CASE("published values: the rank sum of 4 and 5 apart, signed ranks of 8 pairs all of one sign") {
  REQUIRE(std::abs(rank_sum_p(Values{1, 2, 3, 4}, Values{5, 6, 7, 8, 9}) - 2.0 / 126) < 1e-12);
  REQUIRE(std::abs(least_rank_sum_p(4, 5) - 2.0 / 126) < 1e-12);
  REQUIRE(std::abs(signed_rank_p(Values{1, 2, 3, 4, 5, 6, 7, 8}) - 2.0 / 256) < 1e-12);
  REQUIRE(std::abs(least_signed_rank_p(8) - 2.0 / 256) < 1e-12);
  REQUIRE(rank_sum_p(Values{}, Values{1}) == 1);
  REQUIRE(signed_rank_p(Values{}) == 1);
  REQUIRE(signed_rank_p(Values{0, 0}) == 1);
  REQUIRE(rank_sum_p(Values{1, 1}, Values{1, 1, 1}) == 1);
}

TEST_CASE("Holm multiplies the smallest by all, the next by one less, and never steps back") {
  REQUIRE(holm(Values{0.04, 0.01, 0.03}) == Values{0.06, 0.03, 0.06});
  REQUIRE(holm(Values{0.9, 0.8}) == Values{1, 1});
  REQUIRE(holm(Values{}).empty());
}

TEST_CASE("a shift is the median difference, and its interval what the test does not reject") {
  std::mt19937_64 random(9);
  for (int trial = 0; trial < 40; ++trial) {
    const Values a = drawn(random, 6, false), b = drawn(random, 7, false);
    const Shift shift = shift_between(a, b);
    REQUIRE(shift.reached);
    REQUIRE((shift.low <= shift.shift && shift.shift <= shift.high));
    const auto p_at = [&](double by) {
      Values moved = b;
      for (double& value : moved) value -= by;
      return rank_sum_p(a, moved);
    };
    REQUIRE(p_at(shift.low + 1e-9) > 0.05);
    REQUIRE(p_at(shift.low - 1e-9) <= 0.05);
    REQUIRE(p_at(shift.high - 1e-9) > 0.05);
    REQUIRE(p_at(shift.high + 1e-9) <= 0.05);

    const Values d = drawn(random, 9, false);
    const Shift of_pairs = shift_of_pairs(d);
    const auto pairs_p_at = [&](double by) {
      Values moved = d;
      for (double& value : moved) value -= by;
      return signed_rank_p(moved);
    };
    REQUIRE(of_pairs.reached);
    REQUIRE(pairs_p_at(of_pairs.low + 1e-9) > 0.05);
    REQUIRE(pairs_p_at(of_pairs.low - 1e-9) <= 0.05);
    REQUIRE(pairs_p_at(of_pairs.high + 1e-9) <= 0.05);
  }
  REQUIRE_FALSE(shift_between(Values{1, 2}, Values{3, 4}).reached);
  REQUIRE_FALSE(shift_of_pairs(Values{1, 2, 3}).reached);
  REQUIRE(shift_between(Values{1, 2, 3}, Values{11, 12, 13}).shift == 10);
}

}  // namespace
}  // namespace moeperf
