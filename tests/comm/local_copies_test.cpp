#include "comm/dispatch/local_copies.hpp"

#include "kernels/backend.hpp"

#include "tests/catch.hpp"

#include <algorithm>

namespace moeperf::test {
namespace {

TEST_CASE("rows are expanded by expert and expert outputs reduced by weight") {
  const auto kernels = kernel_registry().make("reference", {});
  const auto permuter = kernels->make_permuter();
  LocalCopies copies(*permuter, 3, 2);
  for (int repeat = 0; repeat < 2; ++repeat) {
    copies.reset(3);  // row 0 for experts 2 and 0, row 1 for none, row 2 for expert 2
    copies.experts()[0] = 2, copies.weights()[0] = 10.0f;
    copies.experts()[1] = 0, copies.weights()[1] = 1.0f;
    copies.experts()[4] = 2, copies.weights()[4] = 100.0f;
    copies.group();
    REQUIRE(copies.num_rows() == 3);
    REQUIRE(std::ranges::equal(copies.offsets(), std::vector<std::int64_t>{0, 1, 1, 3}));
    REQUIRE(std::ranges::equal(copies.source_of_copy(), std::vector<std::int64_t>{0, 0, 2}));
  }
  const std::vector<float> expert_out{3, 4, 5};
  std::vector<float> partials(3, -1.0f);
  copies.reduce(ConstRows(expert_out.data(), 3, 1, DType::f32), copies.weights(), 0, 3,
                Rows(partials.data(), 3, 1, DType::f32));
  REQUIRE(partials == std::vector<float>{43, 0, 500});
  copies.reduce(ConstRows(expert_out.data(), 3, 1, DType::f32), copies.weights(), 2, 1,
                Rows(partials.data(), 1, 1, DType::f32));
  REQUIRE(partials == std::vector<float>{500, 0, 500});
  const std::vector<float> ones(6, 1.0f);
  copies.reduce(ConstRows(expert_out.data(), 3, 1, DType::f32), ones, 0, 3, Rows(partials.data(), 3, 1, DType::f32));
  REQUIRE(partials == std::vector<float>{7, 0, 5});
}

}  // namespace
}  // namespace moeperf::test
