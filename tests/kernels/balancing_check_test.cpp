#include "kernels/balancing/aux_loss_check.hpp"
#include "kernels/balancing/loss_free_check.hpp"
#include "kernels/optimizer.hpp"
#include "kernels/traffic/initial_weights.hpp"
#include "kernels/traffic/pattern.hpp"
#include "kernels/traffic/random_rows.hpp"

#include "tests/catch.hpp"

#include <algorithm>

using namespace moeperf;

namespace {

/// Three steps of two experts under the sign rule, u = 0.5.
struct Steps {
  std::vector<std::int64_t> load{6, 2, 3, 5, 6, 2};
  std::vector<float> bias{0.0f, 0.0f, -0.5f, 0.5f, 0.0f, 0.0f};
  GateState reached{{}, {-0.5f, 0.5f}};

  Claim check(const LossFreeConfig& config) const {
    SchemeRecord record;
    record.num_experts = 2;
    record.tokens_global = 4;
    record.load = load;
    record.bias = bias;
    record.reached = &reached;
    const Claim claim = check_bias(config, record);
    CHECK(claim.checked == 8);
    return claim;
  }
};

/// The state and the choice that a scheme leads to on one stream of tokens.
struct Run {
  ModelShape model;
  SoloReducer reducer;
  GateState state;
  std::string scheme;

  explicit Run(std::string name) : scheme(std::move(name)) {
    model.hidden = 24;
    model.gate.num_experts = 6;
    model.gate.top_k = 2;
    state = initial_gate_state(model, 3);
  }

  std::unique_ptr<BalancingScheme> make() { return make_scheme(scheme, model.gate, {}, reducer); }

  void step(BalancingScheme& by, std::uint64_t number) {
    RowBuffer x(8, model.hidden, DType::f32), logits(8, model.gate.num_experts, DType::f32);
    for (std::int64_t t = 0; t < 8; ++t) {
      fill_random_row(5, RandomStream::token_noise, token_item(static_cast<std::int64_t>(number), t), 1.0f, nullptr,
                      model.hidden, x.rows().row<float>(t));
      fill_random_row(6, RandomStream::token_noise, token_item(static_cast<std::int64_t>(number), t), 1.0f, nullptr,
                      model.gate.num_experts, logits.rows().row<float>(t));
    }
    Routing routing;
    routing.resize(8, 2);
    for (std::size_t i = 0; i < 16; ++i) routing.topk_idx[i] = static_cast<std::int32_t>((i / 2 * number + i) % 6);
    RouterOptimizer optimizer(model.gate, {}, reducer);
    optimizer.apply(by.update({std::as_const(logits).rows(), &routing, 0, state.bias}, state.extra), x.rows(), state);
  }
};

}  // namespace

TEST_CASE("a bias that does not follow from the loads is caught, the one reached too") {
  const LossFreeConfig config{0.5, BiasRule::sign, false};
  CHECK(Steps().check(config).wrong == 0);
  for (std::size_t i = 0; i < 6; ++i) {
    Steps wrong;
    wrong.bias[i] += 0.25f;
    INFO(i);
    CHECK(wrong.check(config).wrong > 0);
  }
  Steps wrong_end;
  wrong_end.reached.bias[1] += 0.25f;
  CHECK(wrong_end.check(config).wrong == 1);
  CHECK(Steps().check({0.25, BiasRule::sign, false}).wrong > 0);
  CHECK(Steps().check({0.5, BiasRule::proportional, false}).wrong > 0);
  // Half of the load is missing from expert 1, a quarter too much on it a step later, half missing again.
  Steps proportional;
  proportional.bias = {0.0f, 0.0f, -0.25f, 0.25f, -0.125f, 0.125f};
  proportional.reached.bias = {-0.375f, 0.375f};
  CHECK(proportional.check({0.5, BiasRule::proportional, false}).wrong == 0);
}

TEST_CASE("a scheme goes on from a copy of its state, whichever object took the steps before") {
  for (const std::string name : {"none", "ideal", "aux-loss", "loss-free"}) {
    INFO(name);
    Run one(name), handed_over(name);
    const auto scheme = one.make();
    for (const std::uint64_t step : {1, 2, 3}) {
      one.step(*scheme, step);
      handed_over.step(*handed_over.make(), step);
      handed_over.state = copy_of(handed_over.state);
    }
    CHECK(one.state.bias == handed_over.state.bias);
    CHECK(one.state.extra == handed_over.state.extra);
    const auto weights = [](const GateState& state) {
      const ConstRows rows = state.weight.rows();
      return std::vector<float>(rows.row<float>(0), rows.row<float>(0) + rows.num_rows() * rows.num_cols());
    };
    CHECK(weights(one.state) == weights(handed_over.state));
  }
}

TEST_CASE("round robin claims even loads, but for what the ranks' starts may add up to") {
  Run run("ideal");
  SchemeRecord record;
  record.num_experts = 3;
  const std::vector<std::int64_t> even{3, 3, 2}, uneven{4, 3, 2};
  record.load = even;
  CHECK(run.make()->check(record).at(0).wrong == 0);
  record.load = uneven;
  CHECK(run.make()->check(record).at(0).wrong == 1);
}
