#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace moeperf {

// Sums that do not depend on the order of their terms, hence not on how tokens are split over threads
// and ranks: every term is rounded once to a fixed-point grid that is coarse enough for all partial
// sums to be exact, as integers in std::int64_t (below 2^62) or in double (below 2^53).

/// Smallest n with 2^n >= value; 0 for values up to 1.
constexpr int ceil_log2(std::int64_t value) {
  return value <= 1 ? 0 : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value - 1)));
}

/// Exponent n of the smallest power of two with 2^n > |value|; 0 for 0.
inline int exponent_above(double value) {
  int exponent = 0;
  std::frexp(value, &exponent);
  return exponent;
}

/// Nearest integer (ties to even) to |value| < 2^51. Two additions, so that loops over it vectorise.
inline double nearest_integer(double value) {
  constexpr double shift = 0x1.8p52;
  return (value + shift) - shift;
}

/// The multiples of 2^-bits (bits may be negative).
class FixedPointGrid {
 public:
  explicit FixedPointGrid(int bits) : scale_(std::ldexp(1.0, bits)), step_(std::ldexp(1.0, -bits)) {}

  /// The finest grid for int64 sums of `num_terms` values with |value| <= 2^exponent.
  static FixedPointGrid for_terms(std::int64_t num_terms, int exponent = 0) {
    const int bits = 62 - ceil_log2(num_terms);
    return FixedPointGrid((bits < 50 ? bits : 50) - exponent);
  }

  /// Value in steps of the grid, rounded to nearest; |value| < 2^51 steps.
  std::int64_t integer(double value) const {
    constexpr double shift = 0x1.8p52;
    return std::bit_cast<std::int64_t>(value * scale_ + shift) - std::bit_cast<std::int64_t>(shift);
  }
  /// The same as a double holding an integer.
  double steps(double value) const { return nearest_integer(value * scale_); }
  double value(std::int64_t steps) const { return static_cast<double>(steps) * step_; }
  double step() const { return step_; }

 private:
  double scale_;
  double step_;
};

}  // namespace moeperf
