#include "kernels/optimizer.hpp"

#include "tests/catch.hpp"
#include "tests/kernels/thread_ranks.hpp"

using namespace moeperf;

namespace {

GateConfig two_experts() {
  GateConfig gate;
  gate.num_experts = 2;
  gate.top_k = 1;
  return gate;
}

GateState zero_router() {
  GateState state{RowBuffer(2, 2, DType::f32), {0.25f, 0.5f}};
  std::fill_n(state.weight.rows().row<float>(0), 4, 0.0f);
  return state;
}

}  // namespace

TEST_CASE("the optimiser adds the bias and goes down the gradient of all ranks' tokens") {
  // Two ranks with a token each: dW[e,h] = Σ dz[t,e]·x[t,h] = {1, 2} + {3, 0}, {-1, -2} + {0, 0}.
  const std::vector<std::vector<double>> gradient{{1, -1}, {3, 0}}, hidden{{1, 2}, {1, 0}};
  const std::vector<double> bias{-0.125, 0.5};
  std::vector<std::vector<float>> weights(2), biases(2);
  test::ThreadRanks(2).run([&](Reducer& reducer) {
    const auto rank = static_cast<std::size_t>(reducer.rank());
    RowBuffer x(1, 2, DType::f32);
    std::copy(hidden[rank].begin(), hidden[rank].end(), x.rows().row<float>(0));
    GateState state = zero_router();
    RouterOptimizer optimizer(two_experts(), {.learning_rate = 0.5}, reducer);
    optimizer.apply({.bias = bias, .logit_gradient = gradient[rank], .gradient_tokens = 2}, x.rows(), state);
    if (state.version != 1) throw std::logic_error("version not raised");
    const float* weight = state.weight.rows().row<float>(0);
    weights[rank].assign(weight, weight + 4);
    biases[rank] = state.bias;
  });
  for (const std::size_t rank : {0, 1}) {
    CHECK(weights[rank] == std::vector<float>{-2, -1, 0.5f, 1});
    CHECK(biases[rank] == std::vector<float>{0.125f, 1});
  }
}

TEST_CASE("a change without a gradient leaves the weights and their version alone") {
  SoloReducer alone;
  GateState state = zero_router();
  RouterOptimizer optimizer(two_experts(), {}, alone);
  optimizer.apply({}, {}, state);
  const std::vector<double> bias{1, 1};
  optimizer.apply({.bias = bias}, {}, state);
  CHECK(state.version == 0);
  CHECK(state.bias == std::vector<float>{1.25f, 1.5f});
  CHECK(state.weight.rows().row<float>(0)[0] == 0);
}
