#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <limits>

namespace moeperf {

/// A count or a number of bytes whose sums and products stop at the largest int64_t instead of wrapping around: for
/// sizes that a user gave, before it is known whether they fit anywhere. Not negative.
class Saturating {
 public:
  static constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

  constexpr Saturating() = default;
  constexpr Saturating(std::int64_t value) : value_(std::max<std::int64_t>(0, value)) {}  // NOLINT: a count is one
  /// Rounded down.
  static constexpr Saturating of(double value) {
    return value >= 0x1p63 ? Saturating(most) : Saturating(static_cast<std::int64_t>(value));
  }

  constexpr std::int64_t value() const { return value_; }

  friend constexpr Saturating operator+(Saturating a, Saturating b) {
    std::int64_t sum = 0;
    return __builtin_add_overflow(a.value_, b.value_, &sum) ? Saturating(most) : Saturating(sum);
  }
  friend constexpr Saturating operator*(Saturating a, Saturating b) {
    std::int64_t product = 0;
    return __builtin_mul_overflow(a.value_, b.value_, &product) ? Saturating(most) : Saturating(product);
  }
  constexpr Saturating& operator+=(Saturating other) { return *this = *this + other; }
  friend constexpr auto operator<=>(const Saturating&, const Saturating&) = default;

 private:
  std::int64_t value_ = 0;
};

}  // namespace moeperf
