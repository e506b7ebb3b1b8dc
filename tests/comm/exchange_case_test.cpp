// The comparison that all dispatchers are judged by must itself see what can go wrong.
#include "tests/comm/exchange_case.hpp"

#include "tests/catch.hpp"

namespace moeperf::test {
namespace {

ExchangeCase small_case() {
  ExchangeCase spec;
  spec.num_experts = 6;
  spec.top_k = 3;
  return spec;
}

TEST_CASE("the comparison accepts what it should") {
  const ExpectedTokens tokens = expected_tokens(small_case(), 1, 3);
  REQUIRE(tokens.rows.rows().num_rows() > 10);
  REQUIRE_FALSE(difference(tokens.view(), expected_tokens(small_case(), 1, 3).view()).has_value());
}

TEST_CASE("a lost token is seen") {
  const ExpectedTokens tokens = expected_tokens(small_case(), 1, 3);
  const std::int64_t last = tokens.offsets.back() - 1;
  REQUIRE(difference(tokens.rows.rows().slice(0, last), tokens.rows.rows()).has_value());
  ExpectedTokens lost = expected_tokens(small_case(), 1, 3);
  --lost.offsets.back();
  REQUIRE(difference(lost.view(), tokens.view()).has_value());
}

TEST_CASE("a token with the wrong expert is seen") {
  const ExpectedTokens tokens = expected_tokens(small_case(), 1, 3);
  ExpectedTokens moved = expected_tokens(small_case(), 1, 3);
  ++moved.offsets[1];
  REQUIRE(difference(moved.view(), tokens.view()).has_value());
}

TEST_CASE("two exchanged rows are seen") {
  const ExpectedTokens tokens = expected_tokens(small_case(), 1, 3);
  ExpectedTokens swapped = expected_tokens(small_case(), 1, 3);
  std::swap_ranges(swapped.rows.rows().row_data(0), swapped.rows.rows().row_data(1), swapped.rows.rows().row_data(1));
  REQUIRE(difference(swapped.view(), tokens.view()) == "row 0 differs");
}

TEST_CASE("one wrong bit at the end is seen") {
  const ExpectedTokens tokens = expected_tokens(small_case(), 1, 3);
  ExpectedTokens wrong = expected_tokens(small_case(), 1, 3);
  const std::int64_t last = wrong.offsets.back();
  wrong.rows.rows().row_data(last)[-1] ^= std::byte{1};
  REQUIRE(difference(wrong.view(), tokens.view()) == "row " + std::to_string(last - 1) + " differs");
}

TEST_CASE("tokens differ from one another and choices are distinct") {
  const ExchangeCase spec = small_case();
  const RowBuffer x = spec.hidden_states(0, 40);
  for (std::int64_t a = 0; a < 40; ++a) {
    for (std::int64_t b = 0; b < a; ++b) REQUIRE(difference(x.rows().slice(a, 1), x.rows().slice(b, 1)).has_value());
  }
  const Routing routing = spec.routing(0, 40);
  for (std::size_t t = 0; t < 40; ++t) {
    const auto* choice = &routing.topk_idx[3 * t];
    REQUIRE((choice[0] != choice[1] && choice[1] != choice[2] && choice[0] != choice[2]));
  }
}

TEST_CASE("the expected sum is the weighted sum of the expert outputs") {
  ExchangeCase spec = small_case();
  spec.dtype = DType::f32;
  const Routing routing = spec.routing(0, 1);
  const RowBuffer x = spec.hidden_states(0, 1);
  const RowBuffer sum = expected_sum(spec, Communicator(MPI_COMM_SELF), CombineOrder::copies, false);
  double want = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    want += double{routing.topk_weights[k]} * expert_scale(routing.topk_idx[k], false) * x.rows().row<float>(0)[5];
  }
  REQUIRE(sum.rows().row<float>(0)[5] == Approx(want));
}

}  // namespace
}  // namespace moeperf::test
