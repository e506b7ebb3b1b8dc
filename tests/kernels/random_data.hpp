#pragma once

#include "kernels/base/buffer.hpp"
#include "kernels/base/philox.hpp"
#include "kernels/gate.hpp"

#include <cstdint>
#include <vector>

namespace moeperf::test {

/// Uniform 32-bit numbers of a recorded seed.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : seed_(seed) {}
  std::uint32_t next() { return Philox::block({count_++, 0, 0, 0}, {static_cast<std::uint32_t>(seed_), 77})[0]; }
  std::int32_t below(std::int64_t bound) {
    return static_cast<std::int32_t>(next() % static_cast<std::uint64_t>(bound));
  }
  /// Mean 0, variance 1.
  float value() { return unit_variance(next()); }

 private:
  std::uint64_t seed_;
  std::uint32_t count_ = 0;
};

inline RowBuffer random_rows(Numbers& numbers, std::int64_t num_rows, std::int64_t num_cols, DType dtype,
                             float scale = 1.0f) {
  RowBuffer buffer(num_rows, num_cols, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using Element = decltype(zero);
    for (std::int64_t r = 0; r < num_rows; ++r) {
      for (std::int64_t c = 0; c < num_cols; ++c) buffer.rows().row<Element>(r)[c] = Element(scale * numbers.value());
    }
  });
  return buffer;
}

inline float element(ConstRows rows, std::int64_t r, std::int64_t c) {
  return rows.dtype() == DType::f32 ? rows.row<float>(r)[c] : static_cast<float>(rows.row<BFloat16>(r)[c]);
}

}  // namespace moeperf::test
