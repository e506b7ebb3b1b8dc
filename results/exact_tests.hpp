#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

// Tests and intervals that ask nothing of how values are distributed. Their probabilities are counted, not approximated;
// equal values share their ranks, and what is counted then is the distribution of just these ranks.

/// Mann & Whitney's test (1947): the probability, if both groups were drawn alike, that the ranks of one differ from
/// those of the other at least as much; two-sided. 1 without values in one.
double rank_sum_p(std::span<const double> a, std::span<const double> b);
/// The least that groups of these sizes can give.
double least_rank_sum_p(std::int64_t a, std::int64_t b);

/// Wilcoxon's signed ranks (1945): the same for differences of pairs, if each were as likely to be of either sign.
/// Differences of 0 say nothing and are left out. 1 without others.
double signed_rank_p(std::span<const double> differences);
double least_signed_rank_p(std::int64_t pairs);

/// Holm (1979): of the probabilities of several tests, those at which each may be believed with all others in mind:
/// rejecting those of at most α errs somewhere with at most α. In the given order, at most 1.
std::vector<double> holm(std::span<const double> p);

/// By how much one group lies above another, or pairs' differences above 0: Hodges & Lehmann's estimate (1963), and the
/// shifts that the test of these does not reject at 1 − confidence. `reached`: false where so few values reject none;
/// the interval is then the whole range of differences.
struct Shift {
  double shift = 0, low = 0, high = 0;
  bool reached = false;
};
Shift shift_between(std::span<const double> a, std::span<const double> b, double confidence = 0.95);  ///< b − a
Shift shift_of_pairs(std::span<const double> differences, double confidence = 0.95);

}  // namespace moeperf
