#include "comm/dispatch/slot_layout.hpp"

#include "comm/dispatcher.hpp"
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

TEST_CASE("slots and answers follow each other without overlap") {
  const SlotLayout layout{.num_sources = 3, .slot_rows = 5, .row_bytes = 6, .answer_rows = 7, .answer_bytes = 10};
  std::vector<std::int64_t> begins, ends;
  for (const int parity : {0, 1}) {
    for (std::int64_t source = 0; source < 3; ++source) {
      begins.push_back(layout.slot(parity, source));
      ends.push_back(begins.back() + 5 * 6);
    }
  }
  for (const int parity : {0, 1}) {
    REQUIRE(layout.answers(parity) % 64 == 0);
    begins.push_back(layout.answers(parity));
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
      .num_sources = 63, .slot_rows = 32768, .row_bytes = 14336, .answer_rows = 32768, .answer_bytes = 14336};
  REQUIRE(layout.slot(0, 1) == 469'762'048);
  REQUIRE(layout.slot(0, 62) == 29'125'246'976);
  REQUIRE(layout.slot(1, 0) == 29'595'009'024);
  REQUIRE(layout.slot(1, 62) == 58'720'256'000);
  REQUIRE(layout.answers(0) == 59'190'018'048);
  REQUIRE(layout.bytes() == 60'129'542'144);
}

TEST_CASE("the memory of mpi-low-latency is that of two slots per other rank and the answers") {
  ExchangeVolume volume{.num_ranks = 8,
                        .max_tokens = 128,
                        .tokens_global = 1024,
                        .rows_sent = 1024,
                        .rows_received = 1500,
                        .largest_block = 200,
                        .local_experts = 32,
                        .row_bytes = 14336,
                        .top_k = 8};
  REQUIRE(extra_memory_bytes("mpi-low-latency", volume) == (2 * 7 * 128 * 8 + 2 * 2 * 128 * 8) * std::int64_t{14336});
  volume.local_experts = 2;
  REQUIRE(extra_memory_bytes("mpi-low-latency", volume) == (2 * 7 * 128 * 2 + 2 * 2 * 128 * 8) * std::int64_t{14336});
  volume.max_tokens = 1 << 20;  // more than 2^31 rows
  volume.local_experts = 256;
  volume.num_ranks = 512;
  REQUIRE(extra_memory_bytes("mpi-low-latency", volume) == (std::int64_t{1022} + 4) * (8 << 20) * 14336);
  volume.num_ranks = 1;
  REQUIRE(extra_memory_bytes("mpi-low-latency", volume) == 0);
}

TEST_CASE("the memory of mpi-put is half as much again as what arrives both ways") {
  ExchangeVolume volume;
  volume.rows_sent = 100;
  volume.rows_received = 60;
  volume.row_bytes = 10;
  REQUIRE(extra_memory_bytes("mpi-put", volume) == 2400);
}

}  // namespace
}  // namespace moeperf
