#include "comm/row_rule.hpp"

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"

#include <set>

namespace moeperf::test {
namespace {

constexpr RowRule all_rules[] = {RowRule::copies, RowRule::padded,   RowRule::ranks,
                                 RowRule::nodes,  RowRule::everyone, RowRule::gathered};

TEST_CASE("rows of a routing are counted by hand for every rule") {
  // Ranks 0, 1 on node 0 and 2, 3 on node 1; experts 2r and 2r + 1 on rank r.
  const RowCounter counter(Placement(8, 4), std::vector<int>{0, 0, 1, 1});
  Routing routing;
  routing.num_tokens = 2;
  routing.top_k = 4;
  routing.topk_idx = {0, 2, 3, 6, /* token 1 */ 7, 6, -1, 5};
  const auto rows = [&](RowRule rule) { return counter.count(rule, routing, 0, 5); };
  REQUIRE(counter.largest_block(routing, 0) == 3);
  REQUIRE(rows(RowRule::copies).dispatch == RowCounts{1, 2, 4});
  REQUIRE(rows(RowRule::ranks).dispatch == RowCounts{1, 1, 3});
  REQUIRE(rows(RowRule::padded).dispatch == RowCounts{1, 5, 10});
  // To rank 2, the carrier, for both tokens; from it to rank 3 three copies, one stays; at home one stays, two go on.
  REQUIRE(rows(RowRule::nodes).dispatch == RowCounts{1 + 1, 2 + 3, 2});
  REQUIRE(rows(RowRule::everyone).dispatch == RowCounts{2, 2, 4});
  for (const RowRule rule : all_rules) {
    if (rule != RowRule::gathered) REQUIRE(rows(rule).combine == rows(rule).dispatch);
  }
  REQUIRE(rows(RowRule::gathered).combine == RowCounts{7, 7, 14});
  REQUIRE(counter.pairs() == RowCounts{0, 4, 8});
}

TEST_CASE("no rule counts fewer rows than any algorithm must send") {
  ExchangeCase spec;
  spec.num_experts = 13;
  spec.top_k = 4;
  spec.drop_percent = 20;
  const std::vector<int> node_of_rank{0, 1, 0, 1, 2};
  const Placement placement(spec.num_experts, 5);
  const RowCounter counter(placement, node_of_rank);
  for (int source = 0; source < 5; ++source) {
    const Routing routing = spec.routing(20 * source, 20);
    std::set<std::pair<std::int64_t, int>> ranks, nodes;  // a token's, other than its own
    for (std::size_t copy = 0; copy < routing.topk_idx.size(); ++copy) {
      if (routing.topk_idx[copy] < 0) continue;
      const auto token = static_cast<std::int64_t>(copy) / spec.top_k;
      const int owner = placement.owner(routing.topk_idx[copy]);
      const int node = node_of_rank[static_cast<std::size_t>(owner)];
      if (owner != source) ranks.emplace(token, owner);
      if (node != node_of_rank[static_cast<std::size_t>(source)]) nodes.emplace(token, node);
    }
    for (const RowRule rule : all_rules) {
      INFO(name(rule) << ", rank " << source);
      const TravellingRows rows = counter.count(rule, routing, source, counter.largest_block(routing, source));
      for (const RowCounts& way : {rows.dispatch, rows.combine}) {
        REQUIRE(way.inter >= static_cast<std::int64_t>(nodes.size()));
        REQUIRE(way.intra + way.inter >= static_cast<std::int64_t>(ranks.size()));
      }
    }
  }
}

}  // namespace
}  // namespace moeperf::test
