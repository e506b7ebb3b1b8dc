#include "kernels/workload_sizes.hpp"

#include "kernels/base/saturating.hpp"
#include "tests/catch.hpp"

#include <functional>

using namespace moeperf;

namespace {

constexpr std::int64_t most = Saturating::most;

Workload large_workload() {
  Workload workload;
  workload.model.hidden = 7168;
  workload.model.intermediate = 2048;
  workload.model.gate.num_experts = 256;
  workload.model.gate.top_k = 8;
  workload.model.shared_experts = 1;
  workload.phases = {Phase{PhaseKind::prefill, {4096}}, Phase{PhaseKind::decode, {64, 0}}};
  return workload;
}

struct Case {
  const char* key;
  std::int64_t given;
  std::function<void(Workload&, std::int64_t)> set;
};

}  // namespace

TEST_CASE("sums and products stop at the largest number instead of wrapping") {
  CHECK((Saturating(most) + 1).value() == most);
  CHECK((Saturating(most) * 2).value() == most);
  CHECK((Saturating(std::int64_t{1} << 32) * (std::int64_t{1} << 31)).value() == most);
  CHECK((Saturating(3) * 4 + 5).value() == 17);
  CHECK((Saturating(most) * 0).value() == 0);
  CHECK(Saturating::of(1e300).value() == most);
  CHECK(Saturating::of(2.9).value() == 2);
}

TEST_CASE("sizes whose products no machine holds are refused with the key and the largest that is accepted") {
  const auto int32 = [](std::int64_t value) { return static_cast<std::int32_t>(value); };
  const std::vector<Case> cases{
      {"model.hidden", most, [](Workload& w, std::int64_t v) { w.model.hidden = v; }},
      {"model.intermediate", most, [](Workload& w, std::int64_t v) { w.model.intermediate = v; }},
      {"model.shared_experts", 2147483647, [=](Workload& w, std::int64_t v) { w.model.shared_experts = int32(v); }},
      {"model.experts", 2147483647, [=](Workload& w, std::int64_t v) { w.model.gate.num_experts = int32(v); }},
      {"phase.prefill.tokens_per_rank", most,
       [](Workload& w, std::int64_t v) {
         w.phases[0].tokens_per_rank = {1, v};
       }},
      {"phase.decode.tokens_per_rank", most, [](Workload& w, std::int64_t v) { w.phases[1].tokens_per_rank = {v}; }},
      {"traffic.topics.count", most, [](Workload& w, std::int64_t v) { w.traffic.settings["topics"]["count"] = v; }},
      {"balancing.steps", most, [](Workload& w, std::int64_t v) { w.balancing.steps = v; }},
  };
  CHECK_FALSE(first_violation(large_workload()));
  for (const Case& c : cases) {
    INFO(c.key);
    Workload workload = large_workload();
    c.set(workload, c.given);
    const auto violation = first_violation(workload);
    REQUIRE(violation);
    CHECK(violation->key == c.key);
    CHECK(violation->message.find(std::to_string(c.given)) != std::string::npos);
    const std::string before = "accepted: at most ";
    const auto at = violation->message.find(before);
    REQUIRE(at != std::string::npos);
    const std::int64_t largest = std::stoll(violation->message.substr(at + before.size()));
    c.set(workload, largest);
    CHECK_FALSE(first_violation(workload));
    c.set(workload, largest + 1);
    CHECK(first_violation(workload));
  }
}
