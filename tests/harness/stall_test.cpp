#include "harness/stall.hpp"

#include "tests/catch.hpp"

#include <sstream>

namespace moeperf {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

RankState waiting(int rank, std::uint64_t sequence, const std::string& place, bool overdue = true) {
  return {rank, sequence, overdue, overdue ? 61.0 : 3.0, Step::run, place};
}

TEST_CASE("a rank's state survives its line, and what is no state is refused") {
  const RankState state{12, 34567890123, true, 61.25, Step::verify, "case a b: part x, sample 3"};
  const auto back = parse_rank_state(to_line(state));
  REQUIRE(back);
  REQUIRE(back->rank == state.rank);
  REQUIRE(back->sequence == state.sequence);
  REQUIRE(back->overdue);
  REQUIRE(back->waited_s == state.waited_s);
  REQUIRE(back->step == state.step);
  REQUIRE(back->place == state.place);
  for (const char* line : {"", "GET / HTTP/1.1", "1 2 1 3.0 0", "1 2 1 3.0 0 ", "-1 2 1 3.0 0 x", "1 2 7 3.0 0 x",
                           "1 2 1 x 0 x", "1 2 1 3.0 -1 x", "1 2 1 3.0 99 x"}) {
    INFO(line);
    REQUIRE_FALSE(parse_rank_state(line));
  }
}

TEST_CASE("ranks that do not answer are those that did not arrive, wherever the others wait") {
  const Stall stall{{60, 600},
                    {"n0", "n0", "n1", "n1"},
                    {waiting(3, 8, "start of b", false), waiting(0, 7, "part a"), waiting(1, 8, "start of b")}};
  const Missing missing = missing_ranks(stall);
  REQUIRE(missing.silent);
  REQUIRE(missing.ranks == std::vector<int>{2});
  const std::string message = stall_message(stall);
  REQUIRE(contains(message, "(60 s, --time-limit)"));
  REQUIRE(contains(message, "in part a\n"));
  REQUIRE(contains(message, "did not arrive: rank 2 on n1 (no answer"));
  REQUIRE(contains(message, "waiting: 1 of 4 ranks in part a\n"));
  REQUIRE(contains(message, "waiting: 2 of 4 ranks in start of b\n"));
  REQUIRE(contains(stall_reason(stall), "stalled for more than 60 s in part a: did not arrive: rank 2 on n1"));
  REQUIRE_FALSE(contains(stall_reason(stall), "\n"));
}

TEST_CASE("where all answer, those in the earliest step did not arrive") {
  const Stall stall{{2.5, 600},
                    {"n0", "n0", "n1"},
                    {waiting(0, 8, "start of b"), waiting(1, 7, "part a", false), waiting(2, 8, "start of b")}};
  const Missing missing = missing_ranks(stall);
  REQUIRE_FALSE(missing.silent);
  REQUIRE(missing.ranks == std::vector<int>{1});
  REQUIRE(contains(stall_message(stall), "(2.5 s, --time-limit) in start of b\n"));
  REQUIRE(contains(stall_message(stall), "did not arrive: rank 1 on n0 (still in part a, 3 s)"));
  REQUIRE(contains(stall_message(stall), "waiting: 2 of 3 ranks in start of b\n"));
}

TEST_CASE("where all are in the same step, nobody is blamed") {
  const Stall stall{{60, 600}, {"n0", "n1"}, {waiting(0, 7, "part a"), waiting(1, 7, "part a")}};
  REQUIRE(missing_ranks(stall).ranks.empty());
  REQUIRE(contains(stall_message(stall), "all 2 ranks arrived, none finishes"));
  REQUIRE_FALSE(contains(stall_message(stall), "did not arrive"));
  Stall preparing = stall;
  for (RankState& state : preparing.answers) state.step = Step::prepare;
  REQUIRE(contains(stall_message(preparing), "all 2 ranks are still at it"));
  const Stall alone{{60, 600}, {"n0"}, {waiting(0, 7, "part a")}};
  REQUIRE(contains(stall_message(alone), "did not finish: rank 0 on n0"));
}

TEST_CASE("a preparation that stalls names its own limit and option") {
  RankState late = waiting(1, 7, "preparation");
  late.step = Step::prepare;
  const Stall stall{{60, 240}, {"n0", "n1"}, {late}};
  REQUIRE(contains(stall_message(stall), "(240 s, --prepare-limit) in preparation\n"));
  REQUIRE(contains(stall_reason(stall), "stalled for more than 240 s in preparation"));
}

TEST_CASE("ranks are named by host, in ranges, and not by the thousand") {
  std::vector<std::string> hosts;
  std::vector<int> all;
  for (int rank = 0; rank < 40; ++rank) {
    hosts.push_back("n" + std::to_string(rank / 4));
    all.push_back(rank);
  }
  REQUIRE(ranks_by_host({3}, hosts) == "rank 3 on n0");
  REQUIRE(ranks_by_host({0, 1, 3, 8}, hosts) == "ranks 0-1, 3 on n0, rank 8 on n2");
  const std::string many = ranks_by_host(all, hosts);
  REQUIRE(contains(many, "ranks 0-3 on n0, ranks 4-7 on n1"));
  REQUIRE(contains(many, "and 8 more on 2 hosts"));
  REQUIRE_FALSE(contains(many, "n8"));
}

TEST_CASE("a rank that rank 0 does not answer names rank 0") {
  const std::string message = lost_root_message(waiting(1, 7, "part a"), "n0", {60, 600});
  REQUIRE(contains(message, "in part a\n"));
  REQUIRE(contains(message, "did not arrive: rank 0 on n0"));
  REQUIRE(contains(message, "says rank 1\n"));
}

}  // namespace
}  // namespace moeperf
