#include "kernels/workload.hpp"

#include "tests/catch.hpp"

#include <cmath>
#include <functional>

using namespace moeperf;

namespace {

Workload valid_workload() {
  Workload workload;
  workload.name = "small";
  workload.model.hidden = 16;
  workload.model.intermediate = 8;
  workload.model.gate.num_experts = 8;
  workload.model.gate.top_k = 2;
  workload.phases = {Phase{PhaseKind::prefill, {4, 0}}};
  return workload;
}

struct Case {
  const char* key;
  const char* given;  // must be in the message
  std::function<void(Workload&)> spoil;
};

}  // namespace

TEST_CASE("the text form of every enumeration value reads back, and unknown text does not") {
  for (const Score value : {Score::softmax, Score::sigmoid, Score::sqrt_softplus})
    CHECK(parse<Score>(name(value)) == value);
  for (const auto value : {GroupScore::top2_sum, GroupScore::max}) CHECK(parse<GroupScore>(name(value)) == value);
  for (const auto value : {Activation::swiglu, Activation::relu}) CHECK(parse<Activation>(name(value)) == value);
  for (const auto value : {PhaseKind::train, PhaseKind::prefill, PhaseKind::decode}) {
    CHECK(parse<PhaseKind>(name(value)) == value);
  }
  CHECK_FALSE(parse<Score>("Softmax"));
  CHECK_FALSE(parse<Score>(""));
  CHECK(choices<Score>() == "softmax | sigmoid | sqrt_softplus");
}

TEST_CASE("a sound workload breaks no rule") {
  CHECK_FALSE(first_violation(valid_workload()));
  Workload grouped = valid_workload();
  grouped.model.gate.groups = 4;
  grouped.model.gate.topk_groups = 1;
  CHECK_FALSE(first_violation(grouped));
}

TEST_CASE("each broken rule names its key and what was given") {
  const double nan = std::nan("");
  const std::vector<Case> cases{
      {"model.hidden", "0", [](Workload& w) { w.model.hidden = 0; }},
      {"model.intermediate", "-1", [](Workload& w) { w.model.intermediate = -1; }},
      {"model.experts", "0", [](Workload& w) { w.model.gate.num_experts = 0; }},
      {"model.top_k", "9", [](Workload& w) { w.model.gate.top_k = 9; }},
      {"model.top_k", "0", [](Workload& w) { w.model.gate.top_k = 0; }},
      {"model.groups", "3", [](Workload& w) { w.model.gate.groups = 3; }},
      {"model.groups", "0", [](Workload& w) { w.model.gate.groups = 0; }},
      {"model.groups", "8", [](Workload& w) { w.model.gate.groups = w.model.gate.topk_groups = 8; }},
      {"model.topk_groups", "5", [](Workload& w) { w.model.gate.groups = 4, w.model.gate.topk_groups = 5; }},
      {"model.top_k", "4", [](Workload& w) { w.model.gate.groups = 4, w.model.gate.top_k = 4; }},
      {"model.routed_scale", "nan", [=](Workload& w) { w.model.gate.routed_scale = nan; }},
      {"model.shared_experts", "-1", [](Workload& w) { w.model.shared_experts = -1; }},
      {"model.moe_layers", "0", [](Workload& w) { w.model.moe_layers = 0; }},
      {"phase", "no phase", [](Workload& w) { w.phases.clear(); }},
      {"phase.decode.tokens_per_rank", "-4",
       [](Workload& w) {
         w.phases = {{PhaseKind::decode, {8, -4}}};
       }},
      {"phase.train.tokens_per_rank", "only zeros",
       [](Workload& w) {
         w.phases = {{PhaseKind::train, {0, 0}}};
       }},
      {"phase.train.tokens_per_rank", "empty",
       [](Workload& w) {
         w.phases = {{PhaseKind::train, {}}};
       }},
      {"traffic.topics.count", "0", [](Workload& w) { w.traffic.settings["topics"]["count"] = 0; }},
      {"traffic.topics.zipf_exponent", "-1", [](Workload& w) { w.traffic.settings["topics"]["zipf_exponent"] = -1; }},
      {"traffic.burst.length", "536870913", [](Workload& w) { w.traffic.settings["burst"]["length"] = (1 << 29) + 1; }},
      {"traffic.target_maxvio", "inf", [](Workload& w) { w.traffic.target_maxvio = INFINITY; }},
      {"balancing.steps", "-1", [](Workload& w) { w.balancing.steps = -1; }},
      {"balancing.optimizer.learning_rate", "inf", [](Workload& w) { w.balancing.optimizer.learning_rate = INFINITY; }},
      {"balancing.aux-loss.alpha", "-0.5", [](Workload& w) { w.balancing.settings["aux-loss"]["alpha"] = -0.5; }},
      {"balancing.aux-loss.device_alpha", "nan",
       [=](Workload& w) { w.balancing.settings["aux-loss"]["device_alpha"] = nan; }},
      {"balancing.aux-loss.communication_alpha", "-1",
       [](Workload& w) { w.balancing.settings["aux-loss"]["communication_alpha"] = -1; }},
      {"balancing.aux-loss.z_loss", "-1", [](Workload& w) { w.balancing.settings["aux-loss"]["z_loss"] = -1; }},
      {"balancing.aux-loss.scope", "world", [](Workload& w) { w.balancing.settings["aux-loss"]["scope"] = "world"; }},
      {"balancing.aux-loss.sequence_length", "-1",
       [](Workload& w) { w.balancing.settings["aux-loss"]["sequence_length"] = -1; }},
      {"balancing.aux-loss.capacity_factor", "-1",
       [](Workload& w) { w.balancing.settings["aux-loss"]["capacity_factor"] = -1; }},
      {"balancing.loss-free.bias_rate", "-1", [](Workload& w) { w.balancing.settings["loss-free"]["bias_rate"] = -1; }},
  };
  for (const Case& c : cases) {
    Workload workload = valid_workload();
    c.spoil(workload);
    const auto violation = first_violation(workload);
    INFO(c.key << " " << c.given);
    REQUIRE(violation);
    CHECK(violation->key == c.key);
    CHECK(violation->message.find(c.given) != std::string::npos);
    CHECK(violation->message.find("accepted") != std::string::npos);
  }
}
