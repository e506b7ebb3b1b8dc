#include "kernels/balancing/aux_loss_batch.hpp"
#include "kernels/balancing/capacity.hpp"
#include "kernels/balancing/scheme.hpp"
#include "kernels/balancing/weight_gradient.hpp"
#include "kernels/base/load_measures.hpp"
#include "kernels/optimizer.hpp"
#include "kernels/reference/select.hpp"
#include "kernels/traffic/calibration.hpp"
#include "kernels/traffic/initial_weights.hpp"
#include "kernels/traffic/pattern.hpp"
#include "kernels/traffic/random_rows.hpp"

#include "tests/catch.hpp"
#include "tests/kernels/thread_ranks.hpp"

#include <cmath>
#include <cstring>
#include <functional>
#include <mutex>

using namespace moeperf;
using moeperf::test::Approx;
using moeperf::test::ThreadRanks;

namespace {

GateConfig gate_of(std::int32_t experts, std::int32_t top_k, Score score) {
  GateConfig gate;
  gate.num_experts = experts;
  gate.top_k = top_k;
  gate.score = score;
  return gate;
}

Routing routing_of(std::int32_t top_k, std::vector<std::int32_t> idx, std::vector<float> weights = {}) {
  Routing routing;
  routing.resize(static_cast<std::int64_t>(idx.size()) / top_k, top_k);
  if (weights.empty()) weights.assign(idx.size(), 1.0f);
  routing.topk_idx.assign(idx);
  routing.topk_weights.assign(weights);
  return routing;
}

/// A scheme's update, carried out.
double step(BalancingScheme& scheme, RouterOptimizer& optimizer, GateState& state, const Routing& routing,
            ConstRows x = {}, ConstRows logits = {}, std::int64_t first_token = 0) {
  const RouterChange change = scheme.update({logits, &routing, first_token, state.bias}, state.extra);
  optimizer.apply(change, x, state);
  return change.loss;
}

/// Random logits, in double, and the top-k they lead to.
struct Batch {
  std::vector<double> logits;
  std::vector<std::int32_t> idx;

  Batch(const GateConfig& gate, std::int64_t num_tokens) {
    const auto experts = static_cast<std::size_t>(gate.num_experts);
    std::vector<float> draw(static_cast<std::size_t>(num_tokens) * experts);
    fill_random_row(21, RandomStream::token_noise, 0, 1.0f, nullptr, static_cast<std::int64_t>(draw.size()),
                    draw.data());
    logits.assign(draw.begin(), draw.end());
    for (std::size_t t = 0; t < static_cast<std::size_t>(num_tokens); ++t) logits[t * experts] += 1.0;  // some skew
    idx.resize(static_cast<std::size_t>(num_tokens * gate.top_k));
    std::vector<double> weights(static_cast<std::size_t>(gate.top_k));
    for (std::size_t t = 0; t < static_cast<std::size_t>(num_tokens); ++t) {
      reference_select_row<double>(gate, std::span<const double>(logits).subspan(t * experts, experts), {},
                                   std::span(idx).subspan(t * weights.size(), weights.size()), weights);
    }
  }
};

/// Loss and gradient of a batch whose tokens are split over ranks at the given places.
std::pair<double, std::vector<double>> split_loss(const GateConfig& gate, const AuxLossConfig& config,
                                                  const Batch& batch, const std::vector<std::int64_t>& first_tokens) {
  const auto num_ranks = static_cast<int>(first_tokens.size()) - 1;
  std::vector<double> gradient(batch.logits.size(), std::nan(""));
  std::vector<double> losses(static_cast<std::size_t>(num_ranks));
  ThreadRanks(num_ranks).run([&](Reducer& reducer) {
    const auto rank = static_cast<std::size_t>(reducer.rank());
    const auto first = static_cast<std::size_t>(first_tokens[rank]);
    const auto count = static_cast<std::size_t>(first_tokens[rank + 1]) - first;
    const auto experts = static_cast<std::size_t>(gate.num_experts), k = static_cast<std::size_t>(gate.top_k);
    AuxLossBatch loss(gate, config, reducer);
    losses[rank] = loss.evaluate<double>(std::span(batch.logits).subspan(first * experts, count * experts),
                                         std::span(batch.idx).subspan(first * k, count * k),
                                         std::span(gradient).subspan(first * experts, count * experts));
  });
  for (const double loss : losses) CHECK(loss == losses[0]);
  return {losses[0], gradient};
}

void check_against_finite_differences(const GateConfig& gate, const AuxLossConfig& config,
                                      const std::vector<std::int64_t>& first_tokens) {
  Batch batch(gate, first_tokens.back());
  const auto gradient = split_loss(gate, config, batch, first_tokens).second;
  double scale = 0;
  for (const double g : gradient) scale = std::max(scale, std::abs(g));
  REQUIRE(scale > 0);
  constexpr double h = 1e-4;
  for (std::size_t i = 0; i < batch.logits.size(); i += 3) {
    const double z = batch.logits[i];
    batch.logits[i] = z + h;
    const double above = split_loss(gate, config, batch, first_tokens).first;
    batch.logits[i] = z - h;
    const double below = split_loss(gate, config, batch, first_tokens).first;
    batch.logits[i] = z;
    CHECK(std::abs((above - below) / (2 * h) - gradient[i]) < 1e-6 * scale + 1e-8);
  }
}

/// Tokens of the topics pattern through the router and a scheme, step by step; MaxVio of each step.
std::vector<double> balance(const Workload& workload, const std::string& scheme_name, std::int64_t num_tokens,
                            int steps) {
  const GateConfig& config = workload.model.gate;
  const auto experts = static_cast<std::size_t>(config.num_experts), k = static_cast<std::size_t>(config.top_k);
  GateState gate = initial_gate_state(workload.model, 1);
  const auto pattern = traffic_registry().make("topics", TrafficContext{&workload, 1, &gate});
  SoloReducer solo;
  const auto scheme = make_scheme(scheme_name, config, workload.balancing, solo);
  RouterOptimizer optimizer(config, workload.balancing.optimizer, solo);
  RowBuffer x(num_tokens, workload.model.hidden, DType::f32), z(num_tokens, config.num_experts, DType::f32);
  Routing routing;
  routing.resize(num_tokens, config.top_k);
  std::vector<double> maxvio;
  for (int step = 0; step < steps; ++step) {
    pattern->hidden_states(step, 0, x.rows());
    const auto logits = project(std::as_const(gate).weight.rows(),
                                {x.rows().row<float>(0), static_cast<std::size_t>(num_tokens * workload.model.hidden)});
    std::copy(logits.begin(), logits.end(), z.rows().row<float>(0));
    for (std::size_t t = 0; t < static_cast<std::size_t>(num_tokens); ++t) {
      reference_select_row<float>(config, std::span(logits).subspan(t * experts, experts), gate.bias,
                                  routing.topk_idx.host().subspan(t * k, k),
                                  routing.topk_weights.host().subspan(t * k, k));
    }
    maxvio.push_back(max_violation(count_tokens_per_expert(routing, config.num_experts)));
    ::step(*scheme, optimizer, gate, routing, x.rows(), z.rows());
  }
  return maxvio;
}

double mean_of_last(const std::vector<double>& values, std::size_t count) {
  double sum = 0;
  for (std::size_t i = values.size() - count; i < values.size(); ++i) sum += values[i];
  return sum / static_cast<double>(count);
}

Workload small_workload(Score score) {
  Workload workload;
  workload.model.hidden = 128;
  workload.model.intermediate = 8;
  workload.model.gate = gate_of(32, 4, score);
  return workload;
}

}  // namespace

TEST_CASE("measures of imbalance agree with hand-computed values") {
  const std::int64_t loads[]{1, 2, 3, 6};  // mean 3
  CHECK(max_violation(loads) == Approx(1.0));
  CHECK(max_over_mean(loads) == Approx(2.0));
  CHECK(gini(loads) == Approx((-3.0 * 1 - 2 + 3 + 3.0 * 6) / (4 * 12)));
  CHECK(coefficient_of_variation(loads) == Approx(std::sqrt((4.0 + 1 + 0 + 9) / 4) / 3));
  const std::int64_t one_takes_all[]{0, 8, 0, 0};
  CHECK(gini(one_takes_all) == Approx(0.75));
  CHECK(max_violation(one_takes_all) == 3.0);
  const std::int64_t even[]{7, 7, 7};
  CHECK(max_violation(even) == 0.0);
  CHECK(gini(even) == 0.0);
  CHECK(coefficient_of_variation(even) == 0.0);
  for (const std::vector<std::int64_t>& nothing : {std::vector<std::int64_t>{}, std::vector<std::int64_t>{0, 0}}) {
    CHECK(max_violation(nothing) == 0.0);
    CHECK(gini(nothing) == 0.0);
    CHECK(coefficient_of_variation(nothing) == 0.0);
    CHECK(max_over_mean(nothing) == 1.0);
  }
}

TEST_CASE("the four schemes are registered") {
  for (const char* name : {"none", "ideal", "aux-loss", "loss-free"}) CHECK(scheme_registry().at(name).name == name);
}

TEST_CASE("ideal routing is exactly even, has distinct choices and starts each rank elsewhere") {
  const GateConfig gate = gate_of(12, 4, Score::softmax);
  std::mutex mutex;
  std::vector<std::int32_t> starts(3);
  ThreadRanks(3).run([&](Reducer& reducer) {
    const auto scheme = make_scheme("ideal", gate, {}, reducer);
    Routing routing = routing_of(4, std::vector<std::int32_t>(4 * 9, 0));
    scheme->revise(routing, 9 * reducer.rank());
    const std::scoped_lock lock(mutex);  // checks of the framework are not for several threads
    starts[static_cast<std::size_t>(reducer.rank())] = routing.topk_idx[0];
    CHECK(count_tokens_per_expert(routing, 12) == std::vector<std::int64_t>(12, 3));
    for (std::size_t i = 0; i < routing.topk_idx.size(); ++i) {
      CHECK(routing.topk_idx[i] == (routing.topk_idx[0] + static_cast<std::int32_t>(i)) % 12);
      CHECK(routing.topk_weights[i] == 0.25f);
    }
  });
  CHECK(starts == std::vector<std::int32_t>{0, 4, 8});
}

TEST_CASE("loss-free moves each bias one step against the load of the whole batch") {
  const GateConfig gate = gate_of(4, 1, Score::sigmoid);
  // Loads 3, 2, 2, 1 over both ranks: mean 2. One rank alone would see another picture.
  const std::vector<std::vector<std::int32_t>> choices{{0, 0, 0, 1, 1, 2, 2}, {3}};
  const auto bias_after = [&](const std::string& rule) {
    std::vector<std::vector<float>> bias(2);
    ThreadRanks(2).run([&](Reducer& reducer) {
      BalancingConfig balancing;
      balancing.settings["loss-free"] = {{"bias_rate", 0.25}, {"bias_rule", rule}};
      const auto rank = static_cast<std::size_t>(reducer.rank());
      const auto scheme = make_scheme("loss-free", gate, balancing, reducer);
      RouterOptimizer optimizer(gate, {}, reducer);
      GateState state;
      state.bias = {0.0f, 0.5f, 0.0f, 0.0f};
      step(*scheme, optimizer, state, routing_of(1, choices[rank]));
      bias[rank] = state.bias;
    });
    CHECK(bias[0] == bias[1]);
    return bias[0];
  };
  CHECK(bias_after("sign") == std::vector<float>{-0.25f, 0.5f, 0.0f, 0.25f});
  CHECK(bias_after("proportional") == std::vector<float>{-0.125f, 0.5f, 0.0f, 0.125f});  // (2 − c)/2
}

TEST_CASE("a centred loss-free update leaves the mean bias where it was") {
  SoloReducer solo;
  BalancingConfig balancing;
  balancing.settings["loss-free"] = {{"bias_rate", 0.5}, {"center", true}};
  const GateConfig gate = gate_of(4, 1, Score::sigmoid);
  const auto scheme = make_scheme("loss-free", gate, balancing, solo);
  RouterOptimizer optimizer(gate, {}, solo);
  GateState state;
  state.bias.assign(4, 0.0f);
  step(*scheme, optimizer, state, routing_of(1, {0, 0, 0, 0}));
  CHECK(state.bias == std::vector<float>{-0.75f, 0.25f, 0.25f, 0.25f});  // −u, +u, +u, +u less their mean u/2
  step(*scheme, optimizer, state, routing_of(1, {}));
  CHECK(state.bias == std::vector<float>{-0.75f, 0.25f, 0.25f, 0.25f});
}

TEST_CASE("capacity is the factor's share rounded up") {
  CHECK(expert_capacity(1.0, 10, 2, 8) == 3);
  CHECK(expert_capacity(1.0, 8, 2, 8) == 2);
  CHECK(expert_capacity(1.1, 80, 1, 8) == 11);
  CHECK(expert_capacity(0.01, 8, 1, 8) == 1);
  CHECK(expert_capacity(2.0, 0, 2, 8) == 0);
}

TEST_CASE("over capacity, position keeps the first copies and probability the heaviest") {
  const std::vector<std::int32_t> idx{0, 1, 0, 1, 0, 2, 0, 3};  // 4 tokens, K = 2, E = 4: capacity 2
  const std::vector<float> weights{0.3f, 0.1f, 0.5f, 0.2f, 0.5f, 0.1f, 0.5f, 0.9f};
  Routing first = routing_of(2, idx, weights);
  CapacityLimiter(4, 1.0, DropPolicy::position).drop(first);
  CHECK(first.topk_idx == std::vector<std::int32_t>{0, 1, 0, 1, -1, 2, -1, 3});
  CHECK(first.topk_weights == std::vector<float>{0.3f, 0.1f, 0.5f, 0.2f, 0, 0.1f, 0, 0.9f});

  Routing heaviest = routing_of(2, idx, weights);
  CapacityLimiter(4, 1.0, DropPolicy::probability).drop(heaviest);
  CHECK(heaviest.topk_idx == std::vector<std::int32_t>{-1, 1, 0, 1, 0, 2, -1, 3});  // equal weights: earlier tokens
  CHECK(heaviest.topk_weights == std::vector<float>{0, 0.1f, 0.5f, 0.2f, 0.5f, 0.1f, 0, 0.9f});

  Routing dropless = routing_of(2, idx, weights);
  CapacityLimiter(4, 0.0, DropPolicy::probability).drop(dropless);
  CHECK(dropless.topk_idx == idx);
}

TEST_CASE("capacity counts no padding") {
  Routing routing = routing_of(2, {0, 1, -1, -1, 0, 2, -1, -1, 0, 3, -1, 0});  // 4 tokens: capacity 2 of 4 experts
  CapacityLimiter(4, 1.0, DropPolicy::position).drop(routing);
  CHECK(routing.topk_idx == std::vector<std::int32_t>{0, 1, -1, -1, 0, 2, -1, -1, -1, 3, -1, -1});
}

TEST_CASE("aux-loss drops through revise and counts the choice before drops") {
  SoloReducer solo;
  BalancingConfig balancing;
  balancing.settings["aux-loss"]["capacity_factor"] = 1.0;
  const auto scheme = make_scheme("aux-loss", gate_of(2, 1, Score::softmax), balancing, solo);
  Routing routing = routing_of(1, {0, 0, 0, 1});
  scheme->revise(routing, 0);
  CHECK(routing.topk_idx == std::vector<std::int32_t>{0, 0, -1, 1});
}

TEST_CASE("every term of the auxiliary loss is its alpha at perfect balance") {
  const GateConfig gate = gate_of(8, 2, Score::softmax);
  Batch batch(gate, 4);
  std::fill(batch.logits.begin(), batch.logits.end(), 0.25);
  batch.idx = {0, 2, 1, 3, 4, 6, 5, 7};  // two devices: 0–3, 4–7
  AuxLossConfig config;
  for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus}) {
    const GateConfig scored = gate_of(8, 2, score);
    config.alpha = 0.5;
    config.device_alpha = config.communication_alpha = 0;
    CHECK(split_loss(scored, config, batch, {0, 2, 4}).first == Approx(0.5));
    config.alpha = 0;
    config.device_alpha = 0.5;
    CHECK(split_loss(scored, config, batch, {0, 2, 4}).first == Approx(0.5));
  }
  config.device_alpha = 0;
  config.communication_alpha = 0.5;  // each token on M = 2 devices
  batch.idx = {0, 4, 1, 5, 2, 6, 3, 7};
  CHECK(split_loss(gate, config, batch, {0, 2, 4}).first == Approx(0.5));
}

TEST_CASE("the expert-level loss agrees with a hand-computed case") {
  const GateConfig gate = gate_of(2, 1, Score::softmax);
  Batch batch(gate, 2);
  batch.logits = {std::log(3.0), 0.0, 0.0, 0.0};  // p = (3/4, 1/4), (1/2, 1/2)
  batch.idx = {0, 0};
  AuxLossConfig config;
  config.alpha = 1.0;
  const auto [loss, gradient] = split_loss(gate, config, batch, {0, 2});
  CHECK(loss == Approx(2.0 / 4 * (2 * 1.25)));
  // q = (1, 0): dL/dz = p (q − Σ q p)
  CHECK(gradient[0] == Approx(0.75 * 0.25));
  CHECK(gradient[1] == Approx(-0.25 * 0.75));
  CHECK(gradient[2] == Approx(0.25));
}

TEST_CASE("gradients of the auxiliary losses agree with finite differences") {
  for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus}) {
    const GateConfig gate = gate_of(7, 3, score);
    for (const AuxScope scope : {AuxScope::sequence, AuxScope::local_batch, AuxScope::global_batch}) {
      INFO(name(score) << " " << static_cast<int>(scope));
      AuxLossConfig config;
      config.scope = scope;
      config.sequence_length = 3;
      config.alpha = 0.5;
      check_against_finite_differences(gate, config, {0, 5, 5, 11});
      config.alpha = 0;
      config.device_alpha = 0.5;
      check_against_finite_differences(gate, config, {0, 5, 5, 11});
      config.device_alpha = 0;
      config.communication_alpha = 0.5;
      check_against_finite_differences(gate, config, {0, 5, 5, 11});
      config.communication_alpha = 0;
      config.z_loss = 0.5;
      check_against_finite_differences(gate, config, {0, 5, 5, 11});
    }
  }
}

TEST_CASE("the auxiliary loss of a batch with padding is that of its tokens, and padding has no gradient") {
  constexpr std::size_t experts = 8, k = 3;
  const GateConfig gate = gate_of(experts, k, Score::sigmoid);
  const Batch tokens(gate, 20);
  Batch padded(gate, 0);
  std::vector<bool> is_token;
  const auto append = [&](std::vector<double> logits, std::vector<std::int32_t> idx) {
    padded.logits.insert(padded.logits.end(), logits.begin(), logits.end());
    padded.idx.insert(padded.idx.end(), idx.begin(), idx.end());
    is_token.push_back(idx[0] >= 0);
  };
  for (std::size_t t = 0; t < 20; ++t) {
    if (t % 3 == 0) append(std::vector<double>(experts, 7.0), std::vector<std::int32_t>(k, -1));
    const auto logits = tokens.logits.begin() + static_cast<std::ptrdiff_t>(t * experts);
    const auto idx = tokens.idx.begin() + static_cast<std::ptrdiff_t>(t * k);
    append({logits, logits + experts}, {idx, idx + k});
  }
  AuxLossConfig config;
  config.alpha = 0.3;
  config.z_loss = 0.1;
  const auto rows = static_cast<std::int64_t>(is_token.size());
  for (const AuxScope scope : {AuxScope::global_batch, AuxScope::local_batch}) {
    config.scope = scope;
    const auto [loss, gradient] = split_loss(gate, config, tokens, {0, 20});
    const auto [padded_loss, padded_gradient] = split_loss(gate, config, padded, {0, rows});
    CHECK(padded_loss == loss);
    std::vector<double> of_tokens;
    for (std::size_t row = 0; row < is_token.size(); ++row) {
      for (std::size_t e = 0; e < experts; ++e) {
        const double slope = padded_gradient[row * experts + e];
        if (is_token[row]) of_tokens.push_back(slope);
        if (!is_token[row]) CHECK(slope == 0);
      }
    }
    CHECK((of_tokens == gradient));
  }
  config.scope = AuxScope::global_batch;
  CHECK(split_loss(gate, config, padded, {0, 1, 9, rows}).first == split_loss(gate, config, tokens, {0, 20}).first);
  std::fill(padded.idx.begin(), padded.idx.end(), -1);
  CHECK(
      (split_loss(gate, config, padded, {0, rows}) == std::pair(0.0, std::vector<double>(padded.logits.size(), 0.0))));
}

TEST_CASE("loss and gradient are the same bits for any split of the tokens") {
  for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus}) {
    const GateConfig gate = gate_of(16, 4, score);
    const Batch batch(gate, 96);
    AuxLossConfig config;
    config.alpha = 0.001;
    config.z_loss = 0.01;
    for (const AuxScope scope : {AuxScope::global_batch, AuxScope::sequence}) {
      config.scope = scope;
      config.sequence_length = 8;
      const auto whole = split_loss(gate, config, batch, {0, 96});
      CHECK((split_loss(gate, config, batch, {0, 0, 48, 96}) == whole));
      CHECK((split_loss(gate, config, batch, {0, 8, 16, 40, 96, 96}) == whole));
    }
    config.scope = AuxScope::local_batch;
    const auto local = split_loss(gate, config, batch, {0, 96});
    config.scope = AuxScope::global_batch;
    CHECK(split_loss(gate, config, batch, {0, 96}).first == Approx(local.first));
  }
}

TEST_CASE("the weight gradient is exact enough and the same bits for any split") {
  constexpr std::int64_t tokens = 150, experts = 6, hidden = 70;
  std::vector<float> draw(tokens * experts);
  fill_random_row(5, RandomStream::token_noise, 0, 0.01f, nullptr, tokens * experts, draw.data());
  const std::vector<double> gradient(draw.begin(), draw.end());
  for (const DType dtype : {DType::bf16, DType::f32}) {
    RowBuffer x(tokens, hidden, dtype);
    fill_expert_matrix(1, 0, ExpertMatrix::up, x.rows());
    const auto split = [&](const std::vector<std::int64_t>& first_tokens) {
      std::vector<double> result;
      ThreadRanks(static_cast<int>(first_tokens.size()) - 1).run([&](Reducer& reducer) {
        const auto rank = static_cast<std::size_t>(reducer.rank());
        const std::int64_t first = first_tokens[rank], count = first_tokens[rank + 1] - first;
        WeightGradient weights(experts, reducer);
        const auto own = std::span(gradient).subspan(static_cast<std::size_t>(first * experts),
                                                     static_cast<std::size_t>(count * experts));
        const auto sum = weights.compute(own, std::as_const(x).rows().slice(first, count), tokens);
        if (rank == 0) result.assign(sum.begin(), sum.end());
      });
      return result;
    };
    const std::vector<double> whole = split({0, tokens});
    CHECK((split({0, 1, 77, tokens}) == whole));
    CHECK((split({0, 0, 130, tokens, tokens}) == whole));
    double largest = 0, error = 0;
    for (std::int64_t e = 0; e < experts; ++e) {
      for (std::int64_t h = 0; h < hidden; ++h) {
        double sum = 0;
        for (std::int64_t t = 0; t < tokens; ++t) {
          const double value = visit_dtype(
              dtype, [&](auto zero) -> double { return static_cast<float>(x.rows().row<decltype(zero)>(t)[h]); });
          sum += gradient[static_cast<std::size_t>(t * experts + e)] * value;
        }
        largest = std::max(largest, std::abs(sum));
        error = std::max(error, std::abs(sum - whole[static_cast<std::size_t>(e * hidden + h)]));
      }
    }
    CHECK(error < 1e-3 * largest);
  }
}

TEST_CASE("an aux-loss step leaves the same router on any number of ranks") {
  Workload workload = small_workload(Score::softmax);
  workload.balancing.settings["aux-loss"]["alpha"] = 0.1;
  const GateConfig& config = workload.model.gate;
  const GateState drawn = initial_gate_state(workload.model, 2);
  constexpr std::int64_t tokens = 40;
  RowBuffer x(tokens, 128, DType::bf16), z(tokens, config.num_experts, DType::f32);
  traffic_registry().make("uniform", TrafficContext{&workload, 2, &drawn})->hidden_states(0, 0, x.rows());
  fill_expert_matrix(3, 0, ExpertMatrix::up, z.rows());
  const Batch batch(config, tokens);
  const auto after = [&](int num_ranks) {
    std::vector<std::vector<float>> weights(static_cast<std::size_t>(num_ranks));
    ThreadRanks(num_ranks).run([&](Reducer& reducer) {
      // The last rank has no tokens.
      const std::int64_t sharers = std::max(1, num_ranks - 1);
      const std::int64_t first = reducer.rank() == sharers ? tokens : tokens / sharers * reducer.rank();
      const std::int64_t last = reducer.rank() + 1 >= sharers ? tokens : first + tokens / sharers;
      const auto k = static_cast<std::size_t>(config.top_k);
      Routing routing;
      routing.resize(last - first, config.top_k);
      std::copy_n(batch.idx.begin() + first * config.top_k, static_cast<std::size_t>(last - first) * k,
                  routing.topk_idx.begin());
      GateState state = initial_gate_state(workload.model, 2);
      const auto scheme = make_scheme("aux-loss", config, workload.balancing, reducer);
      RouterOptimizer optimizer(config, workload.balancing.optimizer, reducer);
      step(*scheme, optimizer, state, routing, std::as_const(x).rows().slice(first, last - first),
           std::as_const(z).rows().slice(first, last - first), first);
      if (state.version != 1) throw std::logic_error("version not raised");
      const float* weight = state.weight.rows().row<float>(0);
      weights[static_cast<std::size_t>(reducer.rank())].assign(weight, weight + config.num_experts * 128);
    });
    for (const auto& weight : weights) CHECK((weight == weights[0]));  // thousands of numbers: not for printing
    return weights[0];
  };
  const std::vector<float> alone = after(1);
  const float* before = drawn.weight.rows().row<float>(0);
  CHECK_FALSE(std::equal(alone.begin(), alone.end(), before));
  CHECK((after(3) == alone));
  CHECK((after(4) == alone));
}

TEST_CASE("a step without tokens anywhere changes nothing") {
  Workload workload = small_workload(Score::sigmoid);
  SoloReducer solo;
  for (const char* name : {"none", "ideal", "aux-loss", "loss-free"}) {
    GateState state = initial_gate_state(workload.model, 2);
    const Routing routing = routing_of(4, {});
    RowBuffer x(0, 128, DType::bf16), z(0, 32, DType::f32);
    const auto scheme = make_scheme(name, workload.model.gate, workload.balancing, solo);
    RouterOptimizer optimizer(workload.model.gate, workload.balancing.optimizer, solo);
    step(*scheme, optimizer, state, routing, x.rows(), z.rows());
    CHECK(state.version == 0);
    CHECK(state.bias == std::vector<float>(32, 0.0f));
  }
}

TEST_CASE("loss-free balancing evens out a skewed stream") {
  for (const Score score : {Score::softmax, Score::sigmoid}) {
    Workload workload = small_workload(score);
    workload.balancing.settings["loss-free"]["bias_rate"] = score == Score::softmax ? 0.001 : 0.005;
    const auto maxvio = balance(workload, "loss-free", 1024, 100);
    INFO(name(score) << " " << maxvio.front() << " to " << mean_of_last(maxvio, 10));
    CHECK(maxvio.front() > 1.5);
    CHECK(mean_of_last(maxvio, 10) < 0.25 * maxvio.front());
  }
}

TEST_CASE("aux-loss balancing with its default learning rate evens out a skewed stream") {
  for (const Score score : {Score::softmax, Score::sigmoid, Score::sqrt_softplus}) {
    Workload workload = small_workload(score);
    workload.model.hidden = 512;
    const auto maxvio = balance(workload, "aux-loss", 512, 100);
    INFO(name(score) << " " << maxvio.front() << " to " << mean_of_last(maxvio, 10));
    CHECK(maxvio.front() > 1.5);
    CHECK(mean_of_last(maxvio, 10) < 0.5 * maxvio.front());
  }
}
