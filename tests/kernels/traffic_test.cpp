#include "kernels/base/load_measures.hpp"
#include "kernels/traffic/initial_weights.hpp"
#include "kernels/traffic/pattern.hpp"
#include "kernels/traffic/random_rows.hpp"

#include "tests/catch.hpp"
#include "tests/kernels/router.hpp"

#include <omp.h>

#include <cmath>
#include <cstring>

using namespace moeperf;
using moeperf::test::Approx;
using moeperf::test::loads_of;
using moeperf::test::workload_of;

namespace {

bool same_bytes(ConstRows a, ConstRows b) {
  return a.bytes() == b.bytes() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.bytes())) == 0;
}

/// Mean and mean square of all elements.
std::pair<double, double> moments(ConstRows rows) {
  double sum = 0, squares = 0;
  visit_dtype(rows.dtype(), [&](auto zero) {
    using Element = decltype(zero);
    for (std::int64_t r = 0; r < rows.num_rows(); ++r) {
      for (std::int64_t c = 0; c < rows.num_cols(); ++c) {
        const double value = static_cast<float>(rows.row<Element>(r)[c]);
        sum += value;
        squares += value * value;
      }
    }
  });
  const auto count = static_cast<double>(rows.num_rows() * rows.num_cols());
  return {sum / count, squares / count};
}

double maxvio_of(const TrafficPattern& pattern, const Workload& workload, const GateState& gate, std::int64_t step,
                 std::int64_t n) {
  return max_violation(loads_of(pattern, workload, gate, step, n));
}

}  // namespace

TEST_CASE("random rows hold the Philox stream in the documented layout") {
  float row[300];
  fill_random_row(7, RandomStream::token_noise, 0x123456789abcull, 1.0f, nullptr, 300, row);
  for (const int i : {0, 15, 16, 31, 32, 127, 128, 200, 299}) {
    const int in_group = i % 128;
    const auto block = random_bits(7, RandomStream::token_noise, 0x123456789abcull,
                                   static_cast<std::uint32_t>(i / 128 * 16 + in_group % 16));
    const std::uint32_t word = block[static_cast<std::size_t>(in_group / 32)];
    CHECK(row[i] == unit_variance(in_group % 32 < 16 ? word : word >> 16));
  }
}

TEST_CASE("tokens are the same bits for any split over ranks and any number of threads") {
  Workload workload = workload_of(200, 16, 2, 1.0);
  const GateState gate = initial_gate_state(workload.model, 3);
  const int threads = omp_get_max_threads();
  workload.traffic.settings["trace"]["file"] = "made up";
  workload.traffic.recording = std::make_shared<RecordedRouting>(
      RecordedRouting{"made up", 1, 2, 16, 2, {0, 1, 15, 2}, {0.5f, 0.5f, 0.5f, 0.5f}});
  for (const auto& entry : traffic_registry().entries()) {
    INFO(entry.name);
    const auto pattern = traffic_registry().make(entry.name, TrafficContext{&workload, 3, &gate});
    for (const DType dtype : {DType::bf16, DType::f32}) {
      RowBuffer whole(50, 200, dtype), parts(50, 200, dtype);
      pattern->hidden_states(4, 100, whole.rows());
      omp_set_num_threads(3);
      const auto again = traffic_registry().make(entry.name, TrafficContext{&workload, 3, &gate});
      CHECK(again->description() == pattern->description());
      again->hidden_states(4, 100, parts.rows().slice(0, 7));
      again->hidden_states(4, 107, parts.rows().slice(7, 0));
      again->hidden_states(4, 107, parts.rows().slice(7, 43));
      omp_set_num_threads(threads);
      CHECK(same_bytes(whole.rows(), parts.rows()));
      pattern->hidden_states(5, 100, parts.rows());
      CHECK_FALSE(same_bytes(whole.rows(), parts.rows()));
    }
  }
}

TEST_CASE("hidden states have mean 0 and root mean square 1") {
  Workload workload = workload_of(512, 64, 8, 1.5);
  const GateState gate = initial_gate_state(workload.model, 1);
  for (const auto& entry : traffic_registry().entries()) {
    if (entry.traits.prescribes) continue;  // as uniform
    INFO(entry.name);
    RowBuffer x(256, 512, DType::f32);
    traffic_registry().make(entry.name, TrafficContext{&workload, 1, &gate})->hidden_states(0, 0, x.rows());
    const auto [mean, square] = moments(x.rows());
    CHECK(std::abs(mean) < 0.05);
    CHECK(square == Approx(1.0).margin(0.1));
  }
}

TEST_CASE("the topics stream reaches its target imbalance on the router it was made for") {
  for (const Score score : {Score::softmax, Score::sigmoid}) {
    for (const double target : {0.8, 2.0}) {
      Workload workload = workload_of(256, 64, 8, target);
      workload.model.gate.score = score;
      const GateState gate = initial_gate_state(workload.model, 11);
      const auto pattern = traffic_registry().make("topics", TrafficContext{&workload, 11, &gate});
      INFO(pattern->description());
      CHECK(maxvio_of(*pattern, workload, gate, 0, 2048) == Approx(target).margin(0.05));
      CHECK(maxvio_of(*pattern, workload, gate, 1, 2048) == Approx(target).margin(0.4));  // fresh tokens, same topics
    }
  }
}

TEST_CASE("the topics stream is calibrated through group-limited selection") {
  Workload workload = workload_of(256, 64, 4, 1.5);
  workload.model.gate.groups = 8;
  workload.model.gate.topk_groups = 3;
  workload.model.gate.score = Score::sigmoid;
  for (const auto group_score : {GroupScore::top2_sum, GroupScore::max}) {
    workload.model.gate.group_score = group_score;
    const GateState gate = initial_gate_state(workload.model, 5);
    const auto pattern = traffic_registry().make("topics", TrafficContext{&workload, 5, &gate});
    CHECK(maxvio_of(*pattern, workload, gate, 0, 2048) == Approx(1.5).margin(0.05));
  }
}

TEST_CASE("a target out of reach takes the nearest end and says what was reached") {
  Workload workload = workload_of(64, 4, 4, 2.0);  // every expert takes every token
  const GateState gate = initial_gate_state(workload.model, 1);
  const auto pattern = traffic_registry().make("topics", TrafficContext{&workload, 1, &gate});
  CHECK(pattern->description().find("MaxVio 0.000") != std::string::npos);
  CHECK(pattern->description().find("target 2)") != std::string::npos);
}

TEST_CASE("projection agrees with plain dot products on odd shapes") {
  RowBuffer weight(11, 37, DType::f32);
  for (int e = 0; e < 11; ++e) {
    fill_random_row(1, RandomStream::gate_weight, static_cast<std::uint64_t>(e), 1.0f, nullptr, 37,
                    weight.rows().row<float>(e));
  }
  std::vector<float> x(7 * 37);
  fill_random_row(2, RandomStream::token_noise, 0, 1.0f, nullptr, 7 * 37, x.data());
  const std::vector<float> logits = project(weight.rows(), x);
  REQUIRE(logits.size() == 77);
  for (std::size_t t = 0; t < 7; ++t) {
    for (int e = 0; e < 11; ++e) {
      float sum = 0;
      for (int h = 0; h < 37; ++h) sum += x[t * 37 + static_cast<std::size_t>(h)] * weight.rows().row<float>(e)[h];
      CHECK(logits[t * 11 + static_cast<std::size_t>(e)] == sum);
    }
  }
}

TEST_CASE("drawn weights have variance one over fan-in and differ by seed, expert and matrix") {
  ModelShape model;
  model.hidden = 256;
  model.gate.num_experts = 16;
  const GateState gate = initial_gate_state(model, 9);
  CHECK(moments(gate.weight.rows()).second == Approx(1.0 / 256).epsilon(0.05));
  CHECK(gate.bias == std::vector<float>(16, 0.0f));
  CHECK_FALSE(same_bytes(gate.weight.rows(), initial_gate_state(model, 10).weight.rows()));

  RowBuffer first(32, 300, DType::bf16), other(32, 300, DType::bf16);
  fill_expert_matrix(9, 4, ExpertMatrix::up, first.rows());
  CHECK(moments(first.rows()).second == Approx(1.0 / 300).epsilon(0.05));
  fill_expert_matrix(9, 4, ExpertMatrix::up, other.rows());
  CHECK(same_bytes(first.rows(), other.rows()));
  for (const auto& [seed, expert, matrix] :
       {std::tuple{8, 4, ExpertMatrix::up}, std::tuple{9, 5, ExpertMatrix::up}, std::tuple{9, 4, ExpertMatrix::down},
        std::tuple{9, -1, ExpertMatrix::up}}) {
    fill_expert_matrix(static_cast<std::uint64_t>(seed), expert, matrix, other.rows());
    CHECK_FALSE(same_bytes(first.rows(), other.rows()));
  }
}
