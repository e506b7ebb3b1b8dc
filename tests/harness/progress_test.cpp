#include "harness/progress.hpp"

#include "tests/catch.hpp"

namespace moeperf {
namespace {

TEST_CASE("progress says the case and what is left, in a unit that suits") {
  REQUIRE(progress_text(0, 52, 3) == "case 1 of 52");
  REQUIRE(progress_text(23, 52, 333) == "case 24 of 52, about 7 min left");
  REQUIRE(progress_text(2, 4, 20) == "case 3 of 4, about 20 s left");
  REQUIRE(about(3 * 3600) == "about 3.0 h");
}

}  // namespace
}  // namespace moeperf
