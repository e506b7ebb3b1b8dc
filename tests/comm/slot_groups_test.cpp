#include "comm/dispatch/slot_groups.hpp"

#include "tests/catch.hpp"

namespace moeperf {
namespace {

using Region = SlotGroups::Region;

TEST_CASE("rows are grouped by expert, then source, and found where their source put them") {
  // Three sources, two local experts; the third column is padding of ranks with more experts.
  const std::vector<std::int64_t> counts{2, 1, 9,  //
                                         0, 3, 9,  //
                                         1, 1, 9};
  const std::vector<SlotGroups::Source> sources{{Region::node, 100}, {Region::own, 40}, {Region::node, 200}};
  SlotGroups groups;
  groups.make(counts, 3, 2, sources);
  REQUIRE(groups.num_rows() == 8);
  REQUIRE(groups.offsets == std::vector<std::int64_t>{0, 3, 8});
  REQUIRE(groups.first_arrived == std::vector<std::int64_t>{0, 3, 6, 8});
  REQUIRE(groups.row_of_grouped == std::vector<std::int64_t>{100, 101, 200, 102, 40, 41, 42, 201});
  REQUIRE(groups.grouped_of_arrived == std::vector<std::int64_t>{0, 1, 3, 4, 5, 6, 2, 7});
  REQUIRE(groups.num_from(1) == 3);
  REQUIRE(groups.grouped_from(2)[1] == 7);

  REQUIRE(groups.runs.size() == 3);
  REQUIRE(groups.runs[0].region == Region::node);
  REQUIRE(groups.runs[0].count == 4);
  REQUIRE(groups.runs[1].region == Region::own);
  REQUIRE(groups.runs[1].first == 4);
  REQUIRE(groups.runs[1].count == 3);
  REQUIRE(groups.runs[2].first == 7);
  REQUIRE(groups.runs[2].count == 1);
}

TEST_CASE("a rank without experts has no groups, memory is used again") {
  SlotGroups groups;
  groups.make(std::vector<std::int64_t>{5, 6}, 1, 1,
              std::vector<SlotGroups::Source>{{Region::own, 0}, {Region::node, 0}});
  REQUIRE(groups.num_rows() == 11);
  groups.make(std::vector<std::int64_t>{0, 0}, 1, 0,
              std::vector<SlotGroups::Source>{{Region::own, 0}, {Region::node, 0}});
  REQUIRE(groups.num_rows() == 0);
  REQUIRE(groups.runs.empty());
  REQUIRE(groups.offsets == std::vector<std::int64_t>{0});
  REQUIRE(groups.num_from(1) == 0);
}

TEST_CASE("rows beyond 2^31 keep their number") {
  const std::int64_t far = std::int64_t{5} << 31;
  SlotGroups groups;
  groups.make(std::vector<std::int64_t>{1, 2}, 1, 1,
              std::vector<SlotGroups::Source>{{Region::node, 3}, {Region::elsewhere, far}});
  REQUIRE(groups.row_of_grouped == std::vector<std::int64_t>{3, far, far + 1});
  REQUIRE(groups.runs.size() == 2);
}

}  // namespace
}  // namespace moeperf
