// Cases worked out by hand for the kernels that everything else is compared with.
#include "kernels/backend.hpp"
#include "kernels/reference/select.hpp"
#include "tests/catch.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

using namespace moeperf;

namespace {

struct Choice {
  std::vector<std::int32_t> idx;
  std::vector<double> weights;
};

Choice select(const GateConfig& config, const std::vector<double>& logits, const std::vector<float>& bias = {}) {
  const auto k = static_cast<std::size_t>(config.top_k);
  Choice choice{std::vector<std::int32_t>(k), std::vector<double>(k)};
  reference_select_row<double>(config, logits, bias, choice.idx, choice.weights);
  return choice;
}

GateConfig gate_of(std::int32_t experts, std::int32_t k, Score score) {
  GateConfig config;
  config.num_experts = experts;
  config.top_k = k;
  config.score = score;
  return config;
}

using Ids = std::vector<std::int32_t>;

constexpr double masked = -std::numeric_limits<double>::infinity();

/// The choice among experts whose logit is not −inf, and how many there were.
std::pair<Ids, std::int64_t> select_unmasked(const GateConfig& config, const std::vector<double>& logits,
                                             const std::vector<float>& bias = {}) {
  Ids idx(static_cast<std::size_t>(config.top_k));
  std::vector<double> weights(idx.size());
  const std::int64_t num_left =
      reference_select_row<double>(config, logits, bias, idx, weights, MaskedExperts::minus_infinity);
  return {idx, num_left};
}

}  // namespace

TEST_CASE("Softmax scores are exponentials over their sum") {
  GateConfig config = gate_of(3, 2, Score::softmax);
  config.norm_topk = false;
  const Choice choice = select(config, {std::log(1.0), std::log(3.0), std::log(4.0)});
  CHECK(choice.idx == Ids{2, 1});
  CHECK(choice.weights[0] == test::Approx(0.5));
  CHECK(choice.weights[1] == test::Approx(0.375));
}

TEST_CASE("norm_topk divides by the sum of the selected scores and routed_scale multiplies") {
  GateConfig config = gate_of(3, 2, Score::softmax);
  config.routed_scale = 2.5;
  const Choice choice = select(config, {std::log(1.0), std::log(3.0), std::log(4.0)});
  CHECK(choice.weights[0] == test::Approx(2.5 * 4.0 / 7.0));
  CHECK(choice.weights[1] == test::Approx(2.5 * 3.0 / 7.0));
}

TEST_CASE("Sigmoid and sqrt_softplus scores are what their formulas give") {
  GateConfig config = gate_of(2, 1, Score::sigmoid);
  config.norm_topk = false;
  CHECK(select(config, {0.0, std::log(3.0)}).weights[0] == test::Approx(0.75));
  config.score = Score::sqrt_softplus;  // softplus(log(e^4 − 1)) = 4
  CHECK(select(config, {0.0, std::log(std::exp(4.0) - 1.0)}).weights[0] == test::Approx(2.0));
}

TEST_CASE("The bias moves the choice and leaves the weights alone") {
  GateConfig config = gate_of(3, 1, Score::sigmoid);
  config.norm_topk = false;
  const Choice choice = select(config, {0.0, std::log(3.0), std::log(1.0 / 3.0)}, {0.0f, 0.0f, 0.6f});
  CHECK(choice.idx == Ids{2});  // 0.5, 0.75, 0.25 + 0.6
  CHECK(choice.weights[0] == test::Approx(0.25));
}

TEST_CASE("The lower expert wins a tie, and choices stand in descending order of the biased score") {
  CHECK(select(gate_of(4, 3, Score::softmax), {1.0, 2.0, 1.0, 2.0}).idx == Ids{1, 3, 0});
  CHECK(select(gate_of(4, 4, Score::sigmoid), {0.0, 0.0, 0.0, 0.0}).idx == Ids{0, 1, 2, 3});
}

TEST_CASE("top2_sum keeps the group whose two best are best together, max the one with the best") {
  GateConfig config = gate_of(6, 2, Score::sigmoid);
  config.groups = 2;
  config.topk_groups = 1;
  const std::vector<double> logits{3.0, -5.0, -5.0, 2.0, 1.9, -5.0};
  CHECK(select(config, logits).idx == Ids{3, 4});
  config.group_score = GroupScore::max;
  CHECK(select(config, logits).idx == Ids{0, 1});
}

TEST_CASE("Group scores by top2_sum see the bias, by max they do not") {
  GateConfig config = gate_of(4, 1, Score::sigmoid);
  config.groups = 2;
  config.topk_groups = 1;
  const std::vector<double> logits{1.0, 1.0, 0.0, 0.0};
  const std::vector<float> bias{0.0f, 0.0f, 2.0f, 2.0f};
  CHECK(select(config, logits, bias).idx == Ids{2});
  config.group_score = GroupScore::max;
  CHECK(select(config, logits, bias).idx == Ids{0});
}

TEST_CASE("An excluded group stays out even when every biased score that is left is negative") {
  GateConfig config = gate_of(4, 2, Score::sigmoid);
  config.groups = 2;
  config.topk_groups = 1;
  const Choice choice = select(config, {0.0, 0.0, 1.0, 1.0}, {-3.0f, -3.0f, -2.0f, -2.5f});
  CHECK(choice.idx == Ids{2, 3});  // writing 0 for excluded experts would let 0 and 1 win
}

TEST_CASE("The lower group wins a tie, and groups of one expert are their own score") {
  GateConfig config = gate_of(4, 2, Score::sigmoid);
  config.groups = 2;
  config.topk_groups = 1;
  CHECK(select(config, {1.0, 2.0, 2.0, 1.0}).idx == Ids{1, 0});
  config.groups = 4;
  config.topk_groups = 2;
  CHECK(select(config, {1.0, 2.0, 3.0, 1.0}).idx == Ids{2, 1});
}

TEST_CASE("softmax_after_topk weighs by the selected logits alone and is not normalised again") {
  GateConfig config = gate_of(4, 2, Score::softmax);
  config.softmax_after_topk = true;
  config.routed_scale = 3.0;
  const Choice choice = select(config, {std::log(1.0), std::log(6.0), 0.0, std::log(2.0)});
  CHECK(choice.idx == Ids{1, 3});
  CHECK(choice.weights[0] == test::Approx(3.0 * 0.75));
  CHECK(choice.weights[1] == test::Approx(3.0 * 0.25));
}

TEST_CASE("A masked expert never wins, whatever its bias, and those left are counted") {
  for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus}) {
    const GateConfig config = gate_of(4, 2, score);
    const std::vector<float> bias{-1.0f, 9.0f, -2.0f, 9.0f};
    const auto [idx, num_left] = select_unmasked(config, {0.0, masked, 0.0, masked}, bias);
    CHECK(idx == Ids{0, 2});
    CHECK(num_left == 2);
    CHECK(select_unmasked(config, {0.0, masked, masked, masked}, bias).second == 1);
    CHECK(select(config, {0.0, masked, 0.0, masked}, bias).idx == Ids{1, 3});  // unless −inf is a number like others
  }
}

TEST_CASE("A group is scored by its unmasked experts, and one without any is kept last") {
  GateConfig config = gate_of(6, 2, Score::sigmoid);
  config.groups = 3;
  config.topk_groups = 2;
  for (const GroupScore by : {GroupScore::top2_sum, GroupScore::max}) {
    config.group_score = by;
    // Group 0 has nobody left, group 1 a single expert; the biases speak for the masked ones.
    const auto [idx, num_left] =
        select_unmasked(config, {masked, masked, -3.0, masked, -2.0, -1.0}, {9.0f, 9.0f, -1.0f, 9.0f, -1.0f, -1.0f});
    CHECK(idx == Ids{5, 4});
    CHECK(num_left == 3);
  }
  config.topk_groups = 1;
  config.group_score = GroupScore::max;
  CHECK(select_unmasked(config, {0.0, 0.0, 3.0, masked, 1.0, 1.0}).second == 1);  // too few in the group that is kept
}

TEST_CASE("Large biases leave scores that differ by little apart in double") {
  GateConfig config = gate_of(3, 1, Score::sigmoid);
  const std::vector<float> bias{5.0f, 5.0f, 5.0f};
  CHECK(select(config, {0.0, 1e-12, -1.0}, bias).idx == Ids{1});  // float32 holds 5.5 in steps of 5e-7
  config.groups = 3;
  config.group_score = GroupScore::max;
  CHECK(select(config, {0.0, 1e-12, -1.0}, bias).idx == Ids{1});
}

TEST_CASE("A plan puts the copies of each expert together in their order and leaves dropped ones out") {
  auto permuter = kernel_registry().make("reference", {1})->make_permuter();
  PermutePlan plan;
  permuter->plan(std::vector<std::int32_t>{2, 0, 2, -1, 0, 2}, 3, 2, 3, plan);
  CHECK(plan.offsets == std::vector<std::int64_t>{0, 2, 2, 5});
  CHECK(plan.row_of_copy == std::vector<std::int64_t>{2, 0, 3, -1, 1, 4});
  CHECK(plan.token_of_row == std::vector<std::int64_t>{0, 2, 0, 1, 2});
}

TEST_CASE("The expert network of one neuron is silu(g·x)·(u·x)·d") {
  auto backend = kernel_registry().make("reference", {1});
  auto expert = backend->make_expert_ffn({1, 1, Activation::swiglu, DType::f32}, 1);
  float gate = 2.0f, up = 3.0f, down = 5.0f, in[] = {1.0f, -1.0f}, out[2];
  const auto one = [](float& value) { return ConstRows(&value, 1, 1, DType::f32); };
  expert->load(0, {one(gate), one(up), one(down)});
  const std::vector<std::int64_t> offsets{0, 2};
  expert->forward(ConstRows(in, 2, 1, DType::f32), RowGroups::contiguous(offsets), std::vector<std::int32_t>{0},
                  Rows(out, 2, 1, DType::f32));
  CHECK(out[0] == test::Approx(2.0 / (1.0 + std::exp(-2.0)) * 3.0 * 5.0));
  CHECK(out[1] == test::Approx(-2.0 / (1.0 + std::exp(2.0)) * -3.0 * 5.0));
  CHECK(expert->executed_flop(RowGroups::contiguous(offsets)) == 2 * 6);
}
