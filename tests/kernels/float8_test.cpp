#include "kernels/base/float8.hpp"

#include "tests/catch.hpp"

#include <cmath>

namespace moeperf {
namespace {

/// By the format's definition; not for NaN.
double value_by_definition(int code) {
  const int exponent = (code >> 3) & 15, mantissa = code & 7;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 7 - 3);
  return code >= 128 ? -magnitude : magnitude;
}

int encoded(double value) { return Float8(static_cast<float>(value)).bits; }

Float8 of_bits(int code) {
  Float8 result;
  result.bits = static_cast<std::uint8_t>(code);
  return result;
}

TEST_CASE("All 256 codes of e4m3 mean what the format says and encode to themselves") {
  for (const int sign : {0, 128}) {
    for (int code = sign; code < sign + 127; ++code) {
      const auto value = static_cast<float>(of_bits(code));
      CHECK(double{value} == value_by_definition(code));
      CHECK(std::signbit(value) == (sign != 0));
      CHECK(Float8(value).bits == code);
    }
    CHECK(std::isnan(static_cast<float>(of_bits(sign + 127))));
    CHECK(Float8(static_cast<float>(of_bits(sign + 127))).bits == sign + 127);
  }
  CHECK(static_cast<float>(of_bits(0x7e)) == 448.0f);
  CHECK(static_cast<float>(of_bits(0x08)) == 0x1p-6f);
  CHECK(static_cast<float>(of_bits(0x01)) == 0x1p-9f);
}

TEST_CASE("Values between two codes go to the nearer one, and from the middle to the even one") {
  for (const int sign : {0, 128}) {
    for (int code = 0; code < 126; ++code) {
      const double below = value_by_definition(code), above = value_by_definition(code + 1);
      const auto middle = static_cast<float>((below + above) / 2);  // exact: five significant bits
      const float factor = sign == 0 ? 1.0f : -1.0f;
      INFO("between the codes " << code << " and " << code + 1);
      CHECK(encoded(factor * middle) == sign + (code % 2 == 0 ? code : code + 1));
      CHECK(encoded(factor * std::nextafter(middle, 0.0f)) == sign + code);
      CHECK(encoded(factor * std::nextafter(middle, 500.0f)) == sign + code + 1);
    }
  }
}

TEST_CASE("What is finite saturates, and what is not becomes NaN of its sign") {
  for (const double large : {448.0, 449.0, 464.0, 480.0, 1e4, 3.4e38}) {
    CHECK(encoded(large) == 0x7e);
    CHECK(encoded(-large) == 0xfe);
  }
  for (const float odd : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    CHECK(Float8(odd).bits == 0x7f);
    CHECK(Float8(-odd).bits == 0xff);
  }
  CHECK(Float8(std::numeric_limits<float>::denorm_min()).bits == 0);
  CHECK(Float8(-std::numeric_limits<float>::denorm_min()).bits == 0x80);
  CHECK(Float8(-0.0f).bits == 0x80);
}

}  // namespace
}  // namespace moeperf
