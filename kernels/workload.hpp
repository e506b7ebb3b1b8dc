#pragma once

#include "kernels/base/dtype.hpp"
#include "kernels/settings.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moeperf {

/// How logits z become scores s: softmax(z), 1/(1+exp(-z)) or sqrt(log(1+exp(z))).
enum class Score : std::uint8_t { softmax, sigmoid, sqrt_softplus };

/// Score of an expert group in group-limited top-k: the sum of its two largest biased scores
/// (DeepSeek-V3's report), or its largest unbiased one (DeepSeek's inference code).
enum class GroupScore : std::uint8_t { top2_sum, max };

/// Expert FFN: swiglu has three matrices, relu (Switch) two.
enum class Activation : std::uint8_t { swiglu, relu };

/// train: forward (and, later, backward) with the scheme's update; prefill: forward, many tokens;
/// decode: forward, few tokens, latency.
enum class PhaseKind : std::uint8_t { train, prefill, decode };

// Each enumeration has its permanent text form; parse_* returns nothing for unknown text, and
// *_choices() is what an error message lists.
std::string_view name(Score value);
std::string_view name(GroupScore value);
std::string_view name(Activation value);
std::string_view name(PhaseKind value);

template <class Enum>
std::optional<Enum> parse(std::string_view text);  // specialised in workload.cpp for each of them
template <class Enum>
std::string choices();  // "softmax | sigmoid | sqrt_softplus"

/// How a token chooses experts: everything in which the routers of published models differ.
struct GateConfig {
  std::int32_t num_experts = 0;  ///< E
  std::int32_t top_k = 0;        ///< K
  Score score = Score::softmax;
  std::int32_t groups = 1;       ///< n_group; 1: no group limit
  std::int32_t topk_groups = 1;  ///< groups kept
  GroupScore group_score = GroupScore::top2_sum;
  bool softmax_after_topk = false;  ///< weights = softmax over the selected logits (Mixtral, gpt-oss)
  bool norm_topk = true;            ///< weights = s / (sum of selected s + 1e-20)
  double routed_scale = 1.0;        ///< factor on the weights
};

/// The shape of one MoE layer and its provenance.
struct ModelShape {
  std::int64_t hidden = 0;        ///< H
  std::int64_t intermediate = 0;  ///< I, per expert
  GateConfig gate;
  std::int32_t shared_experts = 0;  ///< process every token; run as one FFN of shared_experts·I
  Activation activation = Activation::swiglu;
  std::int32_t moe_layers = 1;
  DType dtype = DType::bf16;
  std::string source;  ///< where the shape was published
};

struct Phase {
  PhaseKind kind = PhaseKind::prefill;
  /// T of each rank; rank r has entry r mod size. Entries may be zero, not all of them.
  std::vector<std::int64_t> tokens_per_rank{4096};

  std::int64_t tokens_of(int rank) const {
    return tokens_per_rank[static_cast<std::size_t>(rank) % tokens_per_rank.size()];
  }
};

struct RecordedRouting;

/// The synthetic token stream.
struct TrafficConfig {
  std::string pattern = "topics";
  double target_maxvio = 2.0;  ///< load imbalance of the unbalanced router that a calibrated pattern is made for
  GivenSettings settings;      ///< of each pattern, in [traffic.PATTERN]
  /// What a pattern replays, the same on every rank; null until read (kernels/traffic/recording.hpp).
  std::shared_ptr<const RecordedRouting> recording;
};

/// How the gradient that a scheme returns moves the router (kernels/optimizer.hpp).
struct OptimizerConfig {
  double learning_rate = 10.0;
};

struct BalancingConfig {
  std::int64_t steps = 200;   ///< steps of (gate, counts, update) before the layer is measured
  OptimizerConfig optimizer;  ///< in [balancing.optimizer], which is thus no scheme's name
  GivenSettings settings;     ///< of each scheme, in [balancing.SCHEME]
};

/// One benchmark problem: a model's MoE layer, the phases it is run in, its traffic, its balancing.
/// Filled from TOML by benchmarks/configuration/config.*; immutable afterwards.
struct Workload {
  std::string name;
  ModelShape model;
  std::vector<Phase> phases;
  TrafficConfig traffic;
  BalancingConfig balancing;
};

/// First violated rule as (key, message), for example ("model.top_k", "9 is more than model.experts
/// (8); accepted: 1 to 8"), or nothing. Keys are those of the TOML file.
struct Violation {
  std::string key;
  std::string message;
};
std::optional<Violation> first_violation(const Workload& workload);

}  // namespace moeperf
