#include "results/host_list.hpp"

#include "tests/catch.hpp"

namespace moeperf {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("hosts are listed as Slurm writes them") {
  REQUIRE(compressed({}) == Names{});
  REQUIRE(compressed({"vm"}) == Names{"vm"});
  REQUIRE(compressed({"node7", "node7"}) == Names{"node7"});
  REQUIRE(compressed({"node003", "login", "node001", "node002", "node007"}) == Names{"node[001-003,007]", "login"});
  REQUIRE(compressed({"n8", "n9", "n10", "n11"}) == Names{"n[8-11]"});
  REQUIRE(compressed({"n08", "n09", "n10"}) == Names{"n[08-10]"});
  REQUIRE(compressed({"r1n1.site2.org", "r1n2.site2.org", "r2n1.site2.org"}) ==
          Names{"r1n[1-2].site2.org", "r2n1.site2.org"});
}

TEST_CASE("names that are no counting of each other stay apart") {
  REQUIRE(compressed({"n1", "n01", "n001"}) == Names{"n[1,01,001]"});
  REQUIRE(compressed({"n09", "n010"}) == Names{"n[09,010]"});
  REQUIRE(compressed({"n99999999999999999999", "n99999999999999999998"}).size() == 1);
  REQUIRE(compressed({"", "a"}) == Names{"", "a"});
}

}  // namespace
}  // namespace moeperf
