#include "results/text.hpp"

#include "kernels/base/counted.hpp"
#include "results/hdf5.hpp"
#include "results/statistics.hpp"
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

TEST_CASE("a long text hangs under its first words") {
  const std::string half(60, 'x');
  REQUIRE(hanging("# finding: ", "#   ", "a b") == "# finding: a b\n");
  REQUIRE(hanging("# finding: ", "#   ", half + " " + half) == "# finding: " + half + "\n#   " + half + "\n");
}

TEST_CASE("one of a thing is no plural") {
  REQUIRE(counted(1, "node") == "1 node");
  REQUIRE(counted(0, "node") == "0 nodes");
  REQUIRE(counted(2, "NUMA node") == "2 NUMA nodes");
}

TEST_CASE("an interval that does not exist is no number") {
  REQUIRE(interval_text({1.25, 1.2, 1.3, true}) == "1.250 [1.200,1.300]");
  REQUIRE(interval_text({1.25, 1.2, 1.3, false}) == "1.250 [?]");
}

TEST_CASE("texts too long for an attribute are cut between characters") {
  REQUIRE(hdf5::cut_to("short", 16) == "short");
  REQUIRE(hdf5::cut_to("1234567890abcdefg", 16) == "1234567890 [cut]");
  REQUIRE(hdf5::cut_to("123456789μμμμ", 16) == "123456789 [cut]");
}

}  // namespace
}  // namespace moeperf::test
