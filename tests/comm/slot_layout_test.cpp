#include "comm/dispatch/slot_layout.hpp"

#include "tests/catch.hpp"

#include <vector>

namespace moeperf {
namespace {

TEST_CASE("a source has at most a copy per token and expert for a rank") {
  REQUIRE(SlotLayout::most_rows(128, 8, 32) == 1024);
  REQUIRE(SlotLayout::most_rows(128, 8, 3) == 384);
  REQUIRE(SlotLayout::most_rows(128, 8, 0) == 0);
  REQUIRE(SlotLayout::most_rows(std::int64_t{1} << 31, 8, 8) == std::int64_t{1} << 34);
}

TEST_CASE("slots and expert outputs follow each other without overlap") {
  const SlotLayout layout{
      .num_sources = 3, .slot_rows = 5, .row_bytes = 6, .expert_out_rows = 7, .expert_out_bytes = 10};
  std::vector<std::int64_t> begins, ends;
  for (const int parity : {0, 1}) {
    for (std::int64_t source = 0; source < 3; ++source) {
      begins.push_back(layout.slot(parity, source));
      ends.push_back(begins.back() + 5 * 6);
    }
  }
  for (const int parity : {0, 1}) {
    REQUIRE(layout.expert_out(parity) % 64 == 0);
    begins.push_back(layout.expert_out(parity));
    ends.push_back(begins.back() + 7 * 10);
  }
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) REQUIRE(ends[i] <= begins[i + 1]);
  REQUIRE(begins.front() == 0);
  REQUIRE(ends.back() <= layout.bytes());
  REQUIRE(layout.bytes() < ends.back() + 3 * 64);
}

TEST_CASE("slots lie right beyond 2^31 bytes and rows") {
  // 63 sources, 4096 tokens of K = 8 to many experts, rows of 14336 bytes: 29.6 GB of slots per parity.
  const SlotLayout layout{
      .num_sources = 63, .slot_rows = 32768, .row_bytes = 14336, .expert_out_rows = 32768, .expert_out_bytes = 14336};
  REQUIRE(layout.slot(0, 1) == 469'762'048);
  REQUIRE(layout.slot(0, 62) == 29'125'246'976);
  REQUIRE(layout.slot(1, 0) == 29'595'009'024);
  REQUIRE(layout.slot(1, 62) == 58'720'256'000);
  REQUIRE(layout.expert_out(0) == 59'190'018'048);
  REQUIRE(layout.bytes() == 60'129'542'144);
}

}  // namespace
}  // namespace moeperf
