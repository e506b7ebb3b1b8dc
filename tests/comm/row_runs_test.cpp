#include "comm/dispatch/row_runs.hpp"

#include "tests/catch.hpp"

#include <utility>
#include <vector>

namespace moeperf {
namespace {

using Runs = std::vector<std::pair<std::int64_t, std::int64_t>>;

Runs runs(const RowBlocks& blocks) {
  Runs found;
  for_each_run(blocks, [&](std::int64_t first, std::int64_t count) { found.emplace_back(first, count); });
  return found;
}

TEST_CASE("blocks that touch are one run, around the rows of the rank itself") {
  REQUIRE(runs({{3, 4, 0, 5}, {0, 3, 7, 9}}) == Runs{{0, 7}, {9, 5}});
  REQUIRE(runs({{0, 4, 2}, {0, 6, 10}}) == Runs{{6, 6}});
  REQUIRE(runs({{4, 0, 2}, {0, 4, 4}}) == Runs{{0, 6}});
}

TEST_CASE("no rows are no run") {
  REQUIRE(runs({}).empty());
  REQUIRE(runs({{0, 0}, {0, 5}}).empty());
}

TEST_CASE("runs may be longer than blocks") {
  const int half = 1 << 30;
  REQUIRE(runs({{half, half, half}, {0, half, 2147483647}}) == Runs{{0, std::int64_t{1} << 31}, {2147483647, half}});
}

}  // namespace
}  // namespace moeperf
