#include "comm/combine_order.hpp"

#include "tests/catch.hpp"
#include "tests/comm/exchange_case.hpp"

#include <limits>

namespace moeperf::test {
namespace {

// Four experts, one on each of four ranks, two ranks a node. In bf16, with its 8 significant bits, 256 + 1 is 256.
struct FourExperts {
  std::vector<float> expert_out;
  std::vector<std::int32_t> topk_idx{3, 0, 1, 2};
  std::vector<float> weights{1, 1, 1, 1};

  float sum(CombineOrder order, DType dtype) const {
    const auto kernels = kernel_registry().make("reference", {});
    const auto permuter = kernels->make_permuter();
    RowBuffer rows(4, 1, dtype), out(1, 1, dtype);
    visit_dtype(dtype, [&](auto zero) {
      for (std::size_t k = 0; k < 4; ++k) {
        rows.rows().row<decltype(zero)>(static_cast<std::int64_t>(k))[0] = decltype(zero)(expert_out[k]);
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

// Why a rank without any of a token's experts may send zeros, as dense algorithms do.
TEST_CASE("partial sums of zero change no bits") {
  const float smallest = std::numeric_limits<float>::denorm_min();
  const float inf = std::numeric_limits<float>::infinity();
  for (const auto& backend : kernel_registry().entries()) {
    if (kernel_registry().why_not(backend, {})) continue;
    const auto permuter = backend.make({})->make_permuter();
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const std::int64_t columns = 9;
      RowBuffer rows(4, columns, dtype), sparse(1, columns, dtype), dense(1, columns, dtype);
      visit_dtype(dtype, [&](auto zero) {
        using Element = decltype(zero);
        const float first[] = {-0.0f, 0.0f, smallest, -smallest, 1.5f, -1.5f, inf, -inf, std::nanf("")};
        const float second[] = {-0.0f, -0.0f, -0.0f, smallest, -1.5f, 3e38f, 1.0f, inf, 1.0f};
        for (std::int64_t h = 0; h < columns; ++h) {
          rows.rows().row<Element>(0)[h] = rows.rows().row<Element>(2)[h] = Element(0.0f);
          rows.rows().row<Element>(1)[h] = Element(first[h]);
          rows.rows().row<Element>(3)[h] = Element(second[h]);
        }
      });
      const std::vector<std::int64_t> with_zeros{0, 1, 2, 3, 0}, without{-1, 1, -1, 3, -1};
      const std::vector<float> ones(5, 1.0f);
      permuter->weighted_sum(std::as_const(rows).rows(), with_zeros, ones, 5, dense.rows());
      permuter->weighted_sum(std::as_const(rows).rows(), without, ones, 5, sparse.rows());
      INFO(backend.name << ", " << name(dtype));
      REQUIRE_FALSE(difference(dense.rows(), sparse.rows()).has_value());
    }
  }
}

}  // namespace
}  // namespace moeperf::test
