#include "kernels/base/load_measures.hpp"
#include "kernels/placement.hpp"
#include "kernels/traffic/initial_weights.hpp"
#include "kernels/traffic/popularity.hpp"

#include "tests/catch.hpp"
#include "tests/kernels/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>

using namespace moeperf;
using moeperf::test::Approx;
using moeperf::test::loads_of;
using moeperf::test::workload_of;

namespace {

constexpr std::uint64_t seed = 11;

/// One pattern on the untrained router of a workload.
struct Stream {
  Stream(const Workload& given, const char* name)
      : workload(given),
        gate(initial_gate_state(workload.model, seed)),
        pattern(traffic_registry().make(name, TrafficContext{&workload, seed, &gate})) {}

  std::vector<std::int64_t> loads(std::int64_t step, std::int64_t n, std::int64_t first = 0) const {
    return loads_of(*pattern, workload, gate, step, n, first);
  }

  Workload workload;
  GateState gate;
  std::unique_ptr<TrafficPattern> pattern;
};

/// The n experts with the largest loads.
std::set<std::size_t> hottest(const std::vector<std::int64_t>& load, std::size_t n) {
  std::vector<std::size_t> order(load.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return load[a] > load[b]; });
  return {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n)};
}

double share_of(const std::vector<std::int64_t>& load, const std::set<std::size_t>& experts) {
  double inside = 0;
  for (const std::size_t e : experts) inside += static_cast<double>(load[e]);
  return inside / static_cast<double>(std::accumulate(load.begin(), load.end(), std::int64_t{0}));
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return ab / std::sqrt(aa * bb);
}

/// Mean over windows of so many consecutive tokens of the load that the busiest expert has there, over the mean load.
double skew_within_windows(const Stream& stream, std::int64_t window, std::int64_t windows) {
  double sum = 0;
  for (std::int64_t i = 0; i < windows; ++i) sum += max_violation(stream.loads(0, window, i * window));
  return sum / static_cast<double>(windows);
}

}  // namespace

TEST_CASE("patterns that are calibrated reach their target imbalance on the router they were made for") {
  for (const char* name : {"lognormal", "hot_experts", "hot_rank", "rotating", "ragged_source"}) {
    for (const Score score : {Score::softmax, Score::sigmoid}) {
      for (const double target : {0.8, 2.0}) {
        Workload workload = workload_of(512, 64, 8, target);
        workload.model.gate.score = score;
        const Stream stream(workload, name);
        INFO(stream.pattern->description());
        CHECK(max_violation(stream.loads(0, 2048)) == Approx(target).margin(0.05));
        CHECK(max_violation(stream.loads(1, 2048)) == Approx(target).margin(0.4));
        CHECK(stream.pattern->description().find(fmt::format("target {:g})", target)) != std::string::npos);
      }
    }
  }
}

TEST_CASE("patterns are calibrated through group-limited selection, too") {
  Workload workload = workload_of(256, 64, 4, 1.5);
  workload.model.gate.groups = 8;
  workload.model.gate.topk_groups = 4;
  workload.model.gate.score = Score::sigmoid;
  for (const char* name : {"lognormal", "hot_experts", "hot_rank", "rotating"}) {
    const Stream stream(workload, name);
    INFO(stream.pattern->description());
    CHECK(max_violation(stream.loads(0, 2048)) == Approx(1.5).margin(0.1));
  }
}

TEST_CASE("lognormal: the logarithms of the loads are normal") {
  const Stream stream(workload_of(1024, 64, 8, 2.0), "lognormal");
  std::vector<std::int64_t> load = stream.loads(3, 8192);
  std::sort(load.begin(), load.end());
  std::vector<double> logs, normal;
  for (std::size_t i = 0; i < load.size(); ++i) {
    logs.push_back(std::log(static_cast<double>(load[i])));
    normal.push_back(normal_quantile((static_cast<double>(i) + 0.5) / 64));
  }
  CHECK(correlation(logs, normal) > 0.995);
  CHECK(logs.back() - logs.front() > 1.5);
}

TEST_CASE("hot_experts: a few experts take most, the same ones at every step, not side by side") {
  const Stream stream(workload_of(512, 64, 8, 2.0), "hot_experts");
  const auto first = stream.loads(0, 2048), later = stream.loads(9, 2048);
  const std::set<std::size_t> hot = hottest(first, 13);  // a fifth of 64, rounded
  CHECK(hot == hottest(later, 13));
  CHECK(share_of(first, hot) > 0.5);
  CHECK(*hot.rbegin() - *hot.begin() > 26);
}

TEST_CASE("hot_rank: one block of experts is hot, and which does not depend on the number of ranks") {
  for (const std::int32_t blocks : {4, 7}) {
    Workload workload = workload_of(512, 64, 4, 2.0);
    workload.traffic.settings["hot_rank"]["blocks"] = std::int64_t{blocks};
    const Stream stream(workload, "hot_rank");
    const auto load = stream.loads(2, 2048);
    const Placement placement(64, blocks);
    const auto busiest = static_cast<std::int32_t>(std::max_element(load.begin(), load.end()) - load.begin());
    const int block = placement.owner(busiest);
    std::set<std::size_t> hot;
    for (std::int32_t e = placement.first_expert(block); e < placement.first_expert(block + 1); ++e) {
      hot.insert(static_cast<std::size_t>(e));
    }
    CHECK(hottest(load, hot.size()) == hot);
  }
}

TEST_CASE("empty_experts: the fraction asked for gets next to nothing, the others share evenly") {
  Workload workload = workload_of(512, 64, 8, 2.0);
  workload.traffic.settings["empty_experts"]["fraction"] = 0.25;
  const Stream stream(workload, "empty_experts");
  INFO(stream.pattern->description());
  std::vector<std::int64_t> load = stream.loads(1, 8192);
  std::sort(load.begin(), load.end());
  const double mean = 8192.0 * 8 / 64;
  CHECK(static_cast<double>(load[15]) < 0.05 * mean);
  CHECK(static_cast<double>(load[16]) > 1.0 * mean);
  CHECK(max_violation(load) == Approx(1.0 / 3).margin(0.25));  // 16 of 48; the rest is chance and the untrained router
  CHECK(stream.pattern->description().find("target 0.333333)") != std::string::npos);
}

TEST_CASE("rotating: other experts are hot at the next step, until all have had their turn") {
  Workload workload = workload_of(512, 64, 8, 2.0);
  workload.traffic.settings["hot_experts"]["fraction"] = 0.25;
  const Stream stream(workload, "rotating");
  std::set<std::size_t> seen;
  for (std::int64_t step = 0; step < 4; ++step) {
    const std::set<std::size_t> hot = hottest(stream.loads(step, 2048), 16);
    seen.insert(hot.begin(), hot.end());
    CHECK(hot == hottest(stream.loads(step + 4, 2048), 16));
  }
  CHECK(seen.size() == 64);
}

TEST_CASE("burst: consecutive tokens go to few experts, the whole batch is as skewed as that of topics") {
  Workload workload = workload_of(512, 64, 8, 1.0);
  workload.traffic.settings["burst"]["length"] = 128;
  const Stream burst(workload, "burst"), topics(workload, "topics");
  CHECK(skew_within_windows(burst, 128, 16) > 1.5 * skew_within_windows(topics, 128, 16));
  CHECK(max_violation(burst.loads(0, 128 * 512)) == Approx(1.0).margin(0.3));
  workload.traffic.settings["burst"]["length"] = 1;
  CHECK(Stream(workload, "burst").loads(5, 512) == topics.loads(5, 512));
}

TEST_CASE("ragged_source: unequal ranks, the second of four empty, no token more or less") {
  const auto& ragged_tokens = traffic_registry().at("ragged_source").traits.tokens_per_rank;
  for (const std::vector<std::int64_t>& per_rank :
       {std::vector<std::int64_t>{100}, {33, 0, 20}, {1}, {std::int64_t{1} << 61}}) {
    for (const int ranks : {1, 2, 3, 4, 5, 8}) {
      if (per_rank[0] > 1000 && ranks > 3) continue;
      Phase phase;
      phase.tokens_per_rank = per_rank;
      const std::vector<std::int64_t> tokens = ragged_tokens(phase, ranks);
      std::int64_t even = 0;
      for (int rank = 0; rank < ranks; ++rank) even += phase.tokens_of(rank);
      REQUIRE(tokens.size() == static_cast<std::size_t>(ranks));
      CHECK(std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0}) == even);
      CHECK(*std::min_element(tokens.begin(), tokens.end()) >= 0);
      if (ranks > 1) CHECK(tokens[1] == 0);
      phase.tokens_per_rank = tokens;
      CHECK(ragged_tokens(phase, ranks) == tokens);
    }
  }
  Phase phase;
  phase.tokens_per_rank = {60};
  CHECK(ragged_tokens(phase, 4) == std::vector<std::int64_t>{120, 0, 80, 40});
  const Workload workload = workload_of(256, 16, 2, 1.0);
  CHECK(Stream(workload, "ragged_source").loads(2, 300) == Stream(workload, "topics").loads(2, 300));
}

TEST_CASE("trace: a global token takes the choice of the recorded one modulo their number") {
  Workload workload = workload_of(64, 5, 2, 1.0);
  workload.traffic.settings["trace"]["file"] = "made up";
  auto recording = std::make_shared<RecordedRouting>(RecordedRouting{
      "made up", 2, 3, 5, 2, {0, 1, 1, 2, 2, -1, 4, 3, 3, 2, 2, 1}, {.9f, .1f, .8f, .2f, .7f, 0, 1, 2, 3, 4, 5, 6}});
  workload.traffic.recording = recording;
  CHECK(why_unfit(*recording).empty());
  CHECK(recorded_maxvio(*recording) == Approx(1.0));  // 1, 2, 2, 0, 0 copies at the first step, 0 to 2 at the second
  const auto choices_at = [&](std::int64_t step) {
    Routing routing;
    REQUIRE(Stream(workload, "trace").pattern->prescribe(step, 4, 3, routing));
    return std::pair(std::vector(routing.topk_idx.begin(), routing.topk_idx.end()),
                     std::vector(routing.topk_weights.begin(), routing.topk_weights.end()));
  };
  // The last recorded step is the one that is measured.
  const std::pair last(std::vector<std::int32_t>{3, 2, 2, 1, 4, 3}, std::vector<float>{3, 4, 5, 6, 1, 2});
  CHECK(choices_at(measured_step) == last);
  CHECK(choices_at(measured_step - 2) == last);
  CHECK(choices_at(measured_step - 1) != last);
  CHECK(choices_at(0).first.size() == 6);
  workload.traffic.settings["trace"]["step"] = 0;
  CHECK(choices_at(measured_step - 1) == last);
  CHECK(choices_at(measured_step).first == std::vector<std::int32_t>{1, 2, 2, -1, 0, 1});
  Routing routing;
  REQUIRE(Stream(workload, "trace").pattern->prescribe(0, 2, 0, routing));
  CHECK(routing.topk_idx.empty());
  CHECK_FALSE(Stream(workload, "topics").pattern->prescribe(0, 0, 1, routing));
}

TEST_CASE("trace: what no gate would choose is named with its place") {
  const RecordedRouting good{"made up", 1, 2, 4, 2, {0, 1, 2, -1}, {1, 1, 1, 0}};
  const auto reason = [&](auto change) {
    RecordedRouting bad = good;
    change(bad);
    return why_unfit(bad);
  };
  CHECK(why_unfit(good).empty());
  CHECK(reason([](auto& r) { r.indices[2] = 4; }).find("expert 4 at indices[step 0, token 1, copy 0]") == 6);
  CHECK(reason([](auto& r) { r.indices[0] = -2; }).find("accepted: 0 to 3") != std::string::npos);
  CHECK(reason([](auto& r) { r.indices[1] = 0; }).find("expert 0 twice in a token") != std::string::npos);
  CHECK(reason([](auto& r) { r.weights[3] = 1; }).find("a dropped copy") != std::string::npos);
  CHECK(reason([](auto& r) { r.weights[0] = std::numeric_limits<float>::infinity(); }).find("finite") !=
        std::string::npos);
  CHECK(reason([](auto& r) { r.indices.pop_back(); }).find("3 indices") != std::string::npos);
  CHECK(reason([](auto& r) { r.num_tokens = 0; }).find("0 tokens") != std::string::npos);
}

TEST_CASE("a direction in hidden space gives the router's logits their shifts") {
  const Workload workload = workload_of(300, 40, 8, 1.0);
  const GateState gate = initial_gate_state(workload.model, 2);
  std::vector<double> logits;
  for (int e = 0; e < 40; ++e) logits.push_back(std::sin(e));
  const std::vector<float> got = project(gate.weight.rows(), hidden_direction(gate.weight.rows(), logits));
  for (std::size_t e = 0; e < 40; ++e) CHECK(got[e] == Approx(logits[e]).margin(0.01));
  const GateState wide = initial_gate_state(workload_of(8, 40, 8, 1.0).model, 2);  // more experts than dimensions
  for (const float value : hidden_direction(wide.weight.rows(), logits)) CHECK(std::isfinite(value));
  CHECK(normal_quantile(0.5) == Approx(0.0).margin(1e-9));
  CHECK(normal_quantile(0.975) == Approx(1.959964).margin(1e-6));
}

TEST_CASE("settings that a pattern cannot use are violations only where it is chosen") {
  Workload workload = workload_of(64, 8, 4, 1.0);
  workload.phases.emplace_back();
  const auto violation_of = [&](const char* pattern) {
    workload.traffic.pattern = pattern;
    const auto violation = first_violation(workload);
    return violation ? violation->key : "";
  };
  workload.traffic.settings["hot_rank"]["blocks"] = 9;
  workload.traffic.settings["empty_experts"]["fraction"] = 0.6;
  CHECK(violation_of("topics").empty());
  CHECK(violation_of("hot_rank") == "traffic.hot_rank.blocks");
  CHECK(violation_of("empty_experts") == "traffic.empty_experts.fraction");
  CHECK(violation_of("trace") == "traffic.trace.file");
  workload.traffic.settings["burst"]["length"] = 0;
  CHECK(violation_of("topics") == "traffic.burst.length");
  workload.traffic.settings["burst"]["length"] = 1;
  workload.traffic.settings["hot_experts"]["fraction"] = 0.0;
  CHECK(violation_of("topics") == "traffic.hot_experts.fraction");
}
