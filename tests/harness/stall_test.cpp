#include "harness/stall.hpp"

#include "tests/catch.hpp"

namespace moeperf {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A rank in a step of that number; waits too long, or has come just now.
RankState waits(int rank, std::uint64_t sequence, const std::string& place, bool overdue = true) {
  return {rank, {sequence, true, Step::run, 0, place}, true, overdue ? 61.0 : 3.0, overdue};
}
RankState gone(int rank, std::uint64_t sequence, const std::string& place) {
  RankState state = waits(rank, sequence, place);
  state.lives = false;
  return state;
}

TEST_CASE("ranks that are stopped or gone are those that did not arrive, wherever the others wait") {
  const Stall stall{
      {60, 600},
      "n1",
      4,
      {waits(0, 7, "part a"), waits(1, 8, "start of b"), gone(2, 5, "part x"), waits(3, 8, "start of b", false)}};
  REQUIRE(stall_message(stall) ==
          "moeperf: stalled: no progress within the limit (60 s, --time-limit) in part a\n"
          "moeperf: did not arrive: rank 2 on n1 (no answer: stopped or ended)\n"
          "moeperf: rank 2 on n1: last in part x\n"
          "moeperf: rank 0 on n1: in part a\n"
          "moeperf: ranks 1, 3 on n1: in start of b\n");
  REQUIRE(stall_reason(stall) ==
          "stalled for more than 60 s in part a: did not arrive: rank 2 on n1 (no answer: stopped or ended)");
}

TEST_CASE("where all live, those in the earliest step did not arrive") {
  const Stall stall{
      {2.5, 600}, "n0", 3, {waits(0, 8, "start of b"), waits(1, 7, "part a", false), waits(2, 8, "start of b")}};
  REQUIRE(stall_message(stall) ==
          "moeperf: stalled: no progress within the limit (2.5 s, --time-limit) in start of b\n"
          "moeperf: did not arrive: rank 1 on n0 (still in part a, 3 s)\n"
          "moeperf: rank 1 on n0: in part a\n"
          "moeperf: ranks 0, 2 on n0: in start of b\n");
  REQUIRE(stall_reason(stall) ==
          "stalled for more than 2.5 s in start of b: did not arrive: rank 1 on n0 (still in part a, 3 s)");
}

TEST_CASE("a rank in a later step that is gone is named before one that is behind") {
  const Stall stall{{60, 600}, "n0", 3, {waits(0, 7, "part a"), waits(1, 8, "start of b"), gone(2, 9, "part b")}};
  REQUIRE(contains(stall_reason(stall), "did not arrive: rank 2 on n0 (no answer"));
}

TEST_CASE("where all are in the same step, nobody is blamed") {
  const Stall stall{{60, 600}, "n0", 2, {waits(0, 7, "part a"), waits(1, 7, "part a")}};
  REQUIRE(contains(stall_message(stall),
                   "arrived: ranks 0-1 on n0, all of that node; stuck, or taking longer than the limit"));
  REQUIRE_FALSE(contains(stall_message(stall), "did not arrive"));
  REQUIRE_FALSE(contains(stall_message(stall), "on n0: in"));
  const Stall alone{{60, 600}, "n0", 1, {waits(0, 7, "part a")}};
  REQUIRE(contains(stall_message(alone), "did not finish: rank 0 on n0"));
}

TEST_CASE("a node all of whose ranks wait says that they did arrive, and for whom they wait") {
  const Stall root{{60, 600}, "n0", 6, {waits(0, 7, "part a"), waits(1, 7, "part a")}};
  const std::string who =
      "arrived: ranks 0-1 on n0, all of that node, waiting for other nodes (ranks: 4); stuck, or taking "
      "longer than the limit";
  REQUIRE(stall_reason(root) == "stalled for more than 60 s in part a: " + who);
  REQUIRE(stall_message(root) ==
          "moeperf: stalled: no progress within the limit (60 s, --time-limit) in part a\nmoeperf: " + who + '\n');
  const Stall other{{60, 600}, "n1", 6, {waits(3, 7, "part a")}};
  REQUIRE(stall_message(other) ==
          "moeperf: in part a: arrived: rank 3 on n1, all of that node, waiting for other nodes (ranks: 5); stuck, or "
          "taking longer than the limit\n");
}

TEST_CASE("a rank that is behind the others of its node may itself wait for another node's") {
  const Stall stall{{60, 600}, "n1", 4, {waits(2, 7, "part a"), waits(3, 8, "start of b")}};
  REQUIRE(contains(stall_reason(stall),
                   "did not arrive: rank 2 on n1 (still in part a, 61 s; may itself wait for other nodes)"));
  REQUIRE(contains(stall_message(stall), "moeperf: rank 3 on n1: in start of b\n"));
  const Stall busy{{60, 600}, "n1", 4, {waits(2, 7, "verification", false), waits(3, 8, "start of b")}};
  REQUIRE(contains(stall_reason(busy), "did not arrive: rank 2 on n1 (still in verification, 3 s)"));
}

TEST_CASE("a preparation that stalls names its own limit and option") {
  RankState late = waits(1, 7, "preparation");
  late.at.step = Step::prepare;
  const Stall stall{{60, 240}, "n1", 2, {gone(0, 7, "preparation"), late}};
  REQUIRE(contains(stall_message(stall), "(240 s, --prepare-limit) in preparation\n"));
  REQUIRE(contains(stall_reason(stall), "stalled for more than 240 s in preparation"));
}

TEST_CASE("ranks are named in ranges") {
  Stall stall{{60, 600}, "n0", 12, {}};
  for (int rank = 0; rank < 12; ++rank) {
    const bool is_behind = rank == 3 || rank == 5 || (rank >= 7 && rank != 11);
    stall.ranks.push_back(waits(rank, is_behind ? 7 : 8, "a step"));
  }
  REQUIRE(contains(stall_reason(stall), "did not arrive: ranks 3, 5, 7-10 on n0 (still"));
}

}  // namespace
}  // namespace moeperf
