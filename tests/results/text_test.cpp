#include "results/text.hpp"

#include "results/hdf5.hpp"
#include "tests/catch.hpp"

#include <limits>

namespace moeperf::test {
namespace {

TEST_CASE("numbers keep their digits and have no exponent where they can do without") {
  REQUIRE(short_number(12345.6) == "12346");
  REQUIRE(short_number(12.3456) == "12.35");
  REQUIRE(short_number(0.0123456) == "0.01235");
  REQUIRE(short_number(0) == "0");
  REQUIRE(short_number(1.5e12) == "1.500e+12");
  REQUIRE(short_number(std::numeric_limits<double>::infinity()) == "inf");
}

TEST_CASE("items are wrapped between them, and a long one at its blanks") {
  const std::string half(60, 'x'), words = "k=" + half + " " + half + " " + half;
  REQUIRE(wrapped("# ", {"a=1", "b=2"}, ", ") == "# a=1, b=2\n");
  REQUIRE(wrapped("# ", {half, half}, ", ") == "# " + half + ",\n# " + half + "\n");
  REQUIRE(wrapped("# ", {"a=1", words}, ", ") == "# a=1, k=" + half + "\n# " + half + "\n# " + half + "\n");
}

TEST_CASE("texts too long for an attribute are cut between characters") {
  REQUIRE(hdf5::cut_to("short", 16) == "short");
  REQUIRE(hdf5::cut_to("1234567890abcdefg", 16) == "1234567890 [cut]");
  REQUIRE(hdf5::cut_to("123456789μμμμ", 16) == "123456789 [cut]");
}

}  // namespace
}  // namespace moeperf::test
