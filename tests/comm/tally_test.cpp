#include "comm/dispatch/tally.hpp"

#include "tests/catch.hpp"

namespace moeperf::test {
namespace {

TEST_CASE("notices that come early count for the next time, and for their rank alone") {
  Tally tally(3);
  REQUIRE(tally.missing() == 0);
  tally.expect(1);
  tally.expect(2);
  REQUIRE(tally.missing() == 2);
  tally.arrive(1);
  tally.arrive(1);  // the next exchange's, before rank 2 has come to this one
  REQUIRE(tally.missing() == 1);
  REQUIRE(tally.met(1));
  REQUIRE_FALSE(tally.met(2));
  tally.arrive(2);
  REQUIRE(tally.missing() == 0);
  tally.expect(1);
  tally.expect(2);
  REQUIRE(tally.missing() == 1);
  REQUIRE(tally.met(1));
  REQUIRE_FALSE(tally.met(2));
}

}  // namespace
}  // namespace moeperf::test
