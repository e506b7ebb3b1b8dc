#include "comm/dispatch/distinct_parts.hpp"

#include "tests/catch.hpp"

namespace moeperf::test {
namespace {

TEST_CASE("each part of a token stands once in its row, ascending") {
  // Experts 0–2 on part 0, 3 on part 1, 4–6 on part 2.
  const std::vector<int> part_of_expert{0, 0, 0, 1, 2, 2, 2};
  Routing routing;
  routing.resize(4, 4);
  routing.topk_idx = {
      6,  3,  5,  0,   // all parts, 2 twice
      2,  1,  0,  -1,  // one part
      -1, -1, -1, -1,  // dropped
      -1, 4,  -1, 3,
  };
  std::vector<std::int32_t> table{7, 7, 7};  // what was there before is gone
  distinct_parts(routing, part_of_expert, 3, table);
  REQUIRE(table == std::vector<std::int32_t>{0, 1, 2, 0, -1, -1, -1, -1, -1, 1, 2, -1});
  routing.resize(0, 4);
  distinct_parts(routing, part_of_expert, 3, table);
  REQUIRE(table.empty());
}

}  // namespace
}  // namespace moeperf::test
