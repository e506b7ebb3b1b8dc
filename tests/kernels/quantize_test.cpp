// Codecs of every kernel backend that runs here: the layout, what a row becomes, how far it comes back from what it
// was, and that all backends agree bit for bit.
#include "kernels/backend.hpp"
#include "kernels/base/float8.hpp"
#include "tests/catch.hpp"
#include "tests/kernels/random_data.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace moeperf {
namespace {

using test::Numbers;

constexpr float infinity = std::numeric_limits<float>::infinity();

template <class Body>
void with_every_backend(Body body) {
  for (const int num_threads : {1, 3}) {
    for (const auto& entry : kernel_registry().entries()) {
      if (kernel_registry().why_not(entry, {num_threads})) continue;
      const auto backend = entry.make({num_threads});
      INFO(backend->description());
      body(*backend);
    }
  }
}

RowBuffer encoded(KernelBackend& backend, WireType type, ConstRows rows) {
  RowBuffer wire(rows.num_rows(), wire_format(rows.num_cols(), type));
  if (wire.rows().bytes() > 0) std::memset(wire.rows().data(), 0x5a, static_cast<std::size_t>(wire.rows().bytes()));
  backend.make_row_codec(type)->encode(rows, wire.rows());
  return wire;
}

RowBuffer decoded(KernelBackend& backend, WireType type, ConstRows wire, std::int64_t hidden, DType dtype) {
  RowBuffer rows(wire.num_rows(), hidden, dtype);
  if (rows.rows().bytes() > 0) std::memset(rows.rows().data(), 0x5a, static_cast<std::size_t>(rows.rows().bytes()));
  backend.make_row_codec(type)->decode(wire, rows.rows());
  return rows;
}

bool same_bytes(ConstRows a, ConstRows b) {
  return a.bytes() == b.bytes() &&
         (a.bytes() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.bytes())) == 0);
}

RowBuffer row_of(const std::vector<float>& values, DType dtype = DType::f32) {
  RowBuffer row(1, static_cast<std::int64_t>(values.size()), dtype);
  visit_dtype(dtype, [&](auto zero) {
    using Element = decltype(zero);
    std::transform(values.begin(), values.end(), row.rows().row<Element>(0), [](float v) { return Element(v); });
  });
  return row;
}

float scale_of(ConstRows wire, Fp8Layout layout, std::int64_t block) {
  float scale;
  std::memcpy(&scale, wire.row_data(0) + layout.scales_offset() + 4 * block, sizeof scale);
  return scale;
}

/// Rows whose blocks differ in size by many powers of two, from subnormal to nearly the largest of binary32, with some
/// zeros.
RowBuffer rows_of_many_sizes(Numbers& numbers, std::int64_t num_rows, std::int64_t hidden, DType dtype) {
  RowBuffer buffer(num_rows, hidden, dtype);
  visit_dtype(dtype, [&](auto zero) {
    using Element = decltype(zero);
    for (std::int64_t r = 0; r < num_rows; ++r) {
      int exponent = 0;
      for (std::int64_t c = 0; c < hidden; ++c) {
        if (c % Fp8Layout::block == 0) exponent = numbers.below(271) - 145;
        const int within = numbers.below(2) == 0 ? 0 : -numbers.below(14);
        const float value = numbers.below(16) == 0 ? 0.0f : std::ldexp(numbers.value(), exponent + within);
        buffer.rows().row<Element>(r)[c] = Element(std::clamp(value, -3.38e38f, 3.38e38f));
      }
    }
  });
  return buffer;
}

TEST_CASE("Wire types have names, and formats of rows") {
  for (const WireType type : wire_types) CHECK(parse_wire_type(name(type)) == type);
  CHECK_FALSE(parse_wire_type("native").has_value());
  CHECK(native_wire_type(DType::bf16) == WireType::bf16);
  CHECK(native_wire_type(DType::f32) == WireType::f32);
  CHECK(wire_format(7, WireType::bf16) == RowFormat{7, DType::bf16});
  CHECK(wire_format(7, WireType::f32) == RowFormat{7, DType::f32});
  // Codes, up to a multiple of 4, and scales of 4 bytes: DeepSeek-V3's rows first.
  CHECK(wire_format(7168, WireType::fp8) == RowFormat{7168 + 56 * 4, DType::u8});
  CHECK(wire_format(1, WireType::fp8) == RowFormat{4 + 4, DType::u8});
  CHECK(wire_format(128, WireType::fp8) == RowFormat{128 + 4, DType::u8});
  CHECK(wire_format(129, WireType::fp8) == RowFormat{132 + 8, DType::u8});
  CHECK(Fp8Layout{130}.scales_offset() == 132);
}

TEST_CASE("An fp8 row holds the codes, zeros as padding, and a scale for each block") {
  with_every_backend([](KernelBackend& backend) {
    std::vector<float> values(129, 0.0f);
    values[0] = 896.0f, values[1] = -448.0f, values[2] = 34.0f, values[3] = 2 * 0x1p-9f, values[128] = -7.0f;
    const RowBuffer wire = encoded(backend, WireType::fp8, row_of(values).rows());
    const Fp8Layout layout{129};
    const std::byte* codes = wire.rows().row_data(0);
    CHECK(scale_of(wire.rows(), layout, 0) == 2.0f);
    CHECK(scale_of(wire.rows(), layout, 1) == 0x1p-6f);
    CHECK(codes[0] == std::byte{0x7e});
    CHECK(codes[1] == std::byte{Float8(-224.0f).bits});
    CHECK(codes[2] == std::byte{Float8(16.0f).bits});  // 17 lies between 16 and 18
    CHECK(codes[3] == std::byte{0x01});
    CHECK(codes[4] == std::byte{0});
    CHECK(codes[128] == std::byte{0xfe});
    for (int i = 129; i < 132; ++i) CHECK(codes[i] == std::byte{0});
    const RowBuffer back = decoded(backend, WireType::fp8, wire.rows(), 129, DType::f32);
    CHECK(test::element(back.rows(), 0, 0) == 896.0f);
    CHECK(test::element(back.rows(), 0, 2) == 32.0f);
    CHECK(test::element(back.rows(), 0, 128) == -7.0f);
  });
}

TEST_CASE("Every fp8 code travels unchanged") {
  with_every_backend([](KernelBackend& backend) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      for (const float scale : {1.0f, 0x1p-100f, 0x1p90f}) {
        std::vector<float> values;
        for (int code = 0; code < 256; ++code) {
          Float8 number;
          number.bits = static_cast<std::uint8_t>(code);
          values.push_back(static_cast<float>(number) * scale);
        }
        const RowBuffer row = row_of(values, dtype);
        const RowBuffer wire = encoded(backend, WireType::fp8, row.rows());
        int wrong = 0;
        for (int code = 0; code < 256; ++code) wrong += std::to_integer<int>(wire.rows().row_data(0)[code]) != code;
        CHECK(wrong == 0);
        const RowBuffer back = decoded(backend, WireType::fp8, wire.rows(), 256, dtype);
        CHECK(same_bytes(back.rows(), row.rows()));
      }
    }
  });
}

TEST_CASE("Middles between two fp8 codes go to the even one") {
  with_every_backend([](KernelBackend& backend) {
    std::vector<float> values;
    for (int code = 0; code < 126; ++code) {
      Float8 below, above;
      below.bits = static_cast<std::uint8_t>(code), above.bits = static_cast<std::uint8_t>(code + 1);
      values.push_back((static_cast<float>(below) + static_cast<float>(above)) / 2);
    }
    values.push_back(448.0f);  // keeps the scale 1
    const RowBuffer wire = encoded(backend, WireType::fp8, row_of(values).rows());
    int wrong = 0;
    for (int code = 0; code < 126; ++code) {
      wrong += std::to_integer<int>(wire.rows().row_data(0)[code]) != code + code % 2;
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("fp8 rows come back within the stated bound, and some come close to it") {
  with_every_backend([](KernelBackend& backend) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      Numbers numbers(41);
      const std::int64_t hidden = 500;
      const RowBuffer rows = rows_of_many_sizes(numbers, 400, hidden, dtype);
      const RowBuffer wire = encoded(backend, WireType::fp8, rows.rows());
      const RowBuffer back = decoded(backend, WireType::fp8, wire.rows(), hidden, dtype);
      double worst = 0, worst_subnormal = 0;
      std::int64_t wrong = 0;
      for (std::int64_t r = 0; r < 400; ++r) {
        for (std::int64_t first = 0; first < hidden; first += Fp8Layout::block) {
          double largest = 0;
          const std::int64_t last = std::min(first + Fp8Layout::block, hidden);
          for (std::int64_t c = first; c < last; ++c) {
            largest = std::max(largest, std::abs(double{test::element(rows.rows(), r, c)}));
          }
          for (std::int64_t c = first; c < last; ++c) {
            const double x = test::element(rows.rows(), r, c);
            const double error = std::abs(test::element(back.rows(), r, c) - x);
            const double bound = fp8_error_bound(x, largest, dtype);
            wrong += !(error <= bound);
            double& measured = std::abs(x) < largest / 448 * 0x1p-6 ? worst_subnormal : worst;
            measured = std::max(measured, error / bound);
          }
        }
      }
      INFO(name(dtype) << ": " << worst << " and, for subnormal codes, " << worst_subnormal << " of the bound");
      CHECK(wrong == 0);
      CHECK(worst > 0.9);
      CHECK(worst_subnormal > 0.9);
      CHECK(worst <= 1);
    }
  });
}

TEST_CASE("NaN and infinity arrive as NaN of their sign and leave the others of their block alone") {
  with_every_backend([](KernelBackend& backend) {
    for (const DType dtype : {DType::f32, DType::bf16}) {
      std::vector<float> values(300, 3.5f);
      const float nan = std::numeric_limits<float>::quiet_NaN();
      const std::pair<std::size_t, float> odd[]{{5, nan}, {7, -nan}, {130, infinity}, {131, -infinity}, {299, nan}};
      for (const auto& [at, value] : odd) values[at] = value;
      const RowBuffer wire = encoded(backend, WireType::fp8, row_of(values, dtype).rows());
      for (std::int64_t block = 0; block < 3; ++block) {
        CHECK(scale_of(wire.rows(), Fp8Layout{300}, block) == 3.5f / 448.0f);
      }
      const RowBuffer back = decoded(backend, WireType::fp8, wire.rows(), 300, dtype);
      std::int64_t others = 0;
      for (std::int64_t c = 0; c < 300; ++c) others += test::element(back.rows(), 0, c) == 3.5f;
      CHECK(others == 295);
      for (const auto& [at, value] : odd) {
        const float arrived = test::element(back.rows(), 0, static_cast<std::int64_t>(at));
        CHECK(std::isnan(arrived));
        CHECK(std::signbit(arrived) == std::signbit(value));
      }
      // A block of nothing else.
      const RowBuffer lost = encoded(backend, WireType::fp8, row_of(std::vector<float>(4, infinity), dtype).rows());
      const RowBuffer nans = decoded(backend, WireType::fp8, lost.rows(), 4, dtype);
      for (std::int64_t c = 0; c < 4; ++c) CHECK(std::isnan(test::element(nans.rows(), 0, c)));
    }
  });
}

TEST_CASE("Zeros keep their sign, and blocks of tiny numbers are scaled by no less than the smallest normal number") {
  with_every_backend([](KernelBackend& backend) {
    const std::vector<float> zeros{0.0f, -0.0f, 0.0f};
    const RowBuffer row = row_of(zeros);
    const RowBuffer wire = encoded(backend, WireType::fp8, row.rows());
    CHECK(scale_of(wire.rows(), Fp8Layout{3}, 0) == 0x1p-126f);
    CHECK(same_bytes(decoded(backend, WireType::fp8, wire.rows(), 3, DType::f32).rows(), row.rows()));
    const RowBuffer tiny = row_of({0x1p-126f, -0x1p-130f, 0x1p-149f});
    const RowBuffer wire_of_tiny = encoded(backend, WireType::fp8, tiny.rows());
    CHECK(scale_of(wire_of_tiny.rows(), Fp8Layout{3}, 0) == 0x1p-126f);
    const RowBuffer back = decoded(backend, WireType::fp8, wire_of_tiny.rows(), 3, DType::f32);
    CHECK(test::element(back.rows(), 0, 0) == 0x1p-126f);
    CHECK(test::element(back.rows(), 0, 1) == -0x1p-130f);
    CHECK(test::element(back.rows(), 0, 2) == 0.0f);
  });
}

TEST_CASE("bf16 rows travel as f32 unchanged, f32 rows as bf16 are rounded to nearest") {
  with_every_backend([](KernelBackend& backend) {
    Numbers numbers(42);
    for (const std::int64_t hidden : {1, 15, 333}) {
      const RowBuffer bf16 = test::random_rows(numbers, 17, hidden, DType::bf16);
      const RowBuffer wide = encoded(backend, WireType::f32, bf16.rows());
      CHECK(same_bytes(decoded(backend, WireType::f32, wide.rows(), hidden, DType::bf16).rows(), bf16.rows()));
      CHECK(same_bytes(encoded(backend, WireType::bf16, bf16.rows()).rows(), bf16.rows()));
      const RowBuffer f32 = test::random_rows(numbers, 17, hidden, DType::f32);
      const RowBuffer narrow = encoded(backend, WireType::bf16, f32.rows());
      const RowBuffer back = decoded(backend, WireType::bf16, narrow.rows(), hidden, DType::f32);
      std::int64_t wrong = 0;
      for (std::int64_t r = 0; r < 17; ++r) {
        for (std::int64_t c = 0; c < hidden; ++c) {
          const BFloat16 rounded(test::element(f32.rows(), r, c));
          wrong += narrow.rows().row<BFloat16>(r)[c].bits != rounded.bits;
          wrong += test::element(back.rows(), r, c) != static_cast<float>(rounded);
        }
      }
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("Codecs agree with the reference bit for bit") {
  const auto oracle = kernel_registry().make("reference", {1});
  with_every_backend([&](KernelBackend& backend) {
    for (const WireType type : wire_types) {
      for (const DType dtype : {DType::f32, DType::bf16}) {
        for (const std::int64_t num_rows : {0, 1, 67}) {
          for (const std::int64_t hidden : {1, 2, 3, 16, 127, 128, 129, 255, 256, 777, 2048}) {
            Numbers numbers(static_cast<std::uint64_t>(num_rows * 4096 + hidden));
            const RowBuffer rows = rows_of_many_sizes(numbers, num_rows, hidden, dtype);
            if (num_rows > 1 && hidden > 2) {
              visit_dtype(dtype, [&](auto zero) {
                const_cast<decltype(zero)*>(rows.rows().row<decltype(zero)>(1))[2] = decltype(zero)(-infinity);
              });
            }
            INFO(name(type) << " of " << name(dtype) << ", T " << num_rows << ", H " << hidden);
            const RowBuffer wire = encoded(backend, type, rows.rows());
            CHECK(same_bytes(wire.rows(), encoded(*oracle, type, rows.rows()).rows()));
            CHECK(same_bytes(decoded(backend, type, wire.rows(), hidden, dtype).rows(),
                             decoded(*oracle, type, wire.rows(), hidden, dtype).rows()));
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace moeperf
