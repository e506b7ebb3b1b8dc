#include "comm/combine_order.hpp"

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"

namespace moeperf::test {
namespace {

// Four experts, one on each of four ranks, two ranks a node. In bf16, with its 8 significant bits, 256 + 1 is 256.
struct FourExperts {
  std::vector<float> answers;
  std::vector<std::int32_t> topk_idx{3, 0, 1, 2};
  std::vector<float> weights{1, 1, 1, 1};

  float sum(CombineOrder order, DType dtype) const {
    const auto kernels = kernel_registry().make("reference", {});
    const auto permuter = kernels->make_permuter();
    RowBuffer rows(4, 1, dtype), out(1, 1, dtype);
    visit_dtype(dtype, [&](auto zero) {
      for (std::size_t k = 0; k < 4; ++k) {
        rows.rows().row<decltype(zero)>(static_cast<std::int64_t>(k))[0] = decltype(zero)(answers[k]);
      }
    });
    const std::vector<int> node_of_rank{0, 0, 1, 1};
    CombineReference reference(order, Placement(4, 4), node_of_rank, *permuter, {1, dtype});
    reference.sum(rows.rows(), topk_idx, weights, out.rows());
    return visit_dtype(dtype, [&](auto zero) { return static_cast<float>(out.rows().row<decltype(zero)>(0)[0]); });
  }
};

TEST_CASE("partial sums are rounded where they travel") {
  // By k: experts 3, 0, 1, 2.
  const FourExperts rounding{{1, 256, 1, 1}};
  REQUIRE(rounding.sum(CombineOrder::copies, DType::bf16) == 260.0f);  // 259, rounded once
  REQUIRE(rounding.sum(CombineOrder::ranks, DType::bf16) == 260.0f);
  REQUIRE(rounding.sum(CombineOrder::nodes, DType::bf16) == 258.0f);  // node 0: 257 → 256; node 1: 2
  REQUIRE(rounding.sum(CombineOrder::nodes, DType::f32) == 259.0f);
}

TEST_CASE("in f32 the orders differ in association alone") {
  const float big = 16777216.0f;  // 2^24: 1 more is lost
  const FourExperts order{{-big, big, 1, 1}};
  REQUIRE(order.sum(CombineOrder::copies, DType::f32) == 2.0f);  // -big + big + 1 + 1
  REQUIRE(order.sum(CombineOrder::ranks, DType::f32) == 0.0f);   // big + 1 + 1 - big
  REQUIRE(order.sum(CombineOrder::nodes, DType::f32) == 1.0f);   // (big + 1) + (1 - big)
}

TEST_CASE("dropped copies are left out, a token without any is zero") {
  FourExperts dropped{{1, 2, 4, 8}};
  dropped.topk_idx = {-1, 0, -1, 2};
  for (const CombineOrder order : {CombineOrder::copies, CombineOrder::ranks, CombineOrder::nodes}) {
    REQUIRE(dropped.sum(order, DType::f32) == 10.0f);
  }
  dropped.topk_idx = {-1, -1, -1, -1};
  REQUIRE(dropped.sum(CombineOrder::nodes, DType::f32) == 0.0f);
}

}  // namespace
}  // namespace moeperf::test
