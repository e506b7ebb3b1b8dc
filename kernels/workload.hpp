#pragma once

#include "kernels/base/dtype.hpp"

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

/// Tokens over which the auxiliary loss averages its fractions.
enum class AuxScope : std::uint8_t { sequence, local_batch, global_batch };

/// Which copies an over-full expert drops: those of smallest weight, or the last to come.
enum class DropPolicy : std::uint8_t { probability, position };

/// How the loss-free bias moves: by u·sign(c̄ − c_i), or by u·(c̄ − c_i)/c̄.
enum class BiasRule : std::uint8_t { sign, proportional };

/// train: forward (and, later, backward) with the scheme's update; prefill: forward, many tokens;
/// decode: forward, few tokens, latency.
enum class PhaseKind : std::uint8_t { train, prefill, decode };

// Each enumeration has its permanent text form; parse_* returns nothing for unknown text, and
// *_choices() is what an error message lists.
std::string_view name(Score value);
std::string_view name(GroupScore value);
std::string_view name(Activation value);
std::string_view name(AuxScope value);
std::string_view name(DropPolicy value);
std::string_view name(BiasRule value);
std::string_view name(PhaseKind value);

template <class Enum>
std::optional<Enum> parse(std::string_view text);  // specialised in workload.cpp for each of them
template <class Enum>
std::string choices();  // "softmax | sigmoid | sqrt_softplus"

/// How a token chooses experts; everything of moe.md §1 that is a choice.
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
  std::int32_t topics = 64;        ///< number of topics of the `topics` pattern
  double zipf_exponent = 1.0;      ///< topic popularity ~ 1 / rank^exponent
  double target_maxvio = 2.0;      ///< load imbalance of the unbalanced router that the pattern is calibrated to
  double hot_fraction = 0.2;       ///< of the experts: the hot ones of `hot_experts` and `rotating`
  std::int32_t hot_blocks = 8;     ///< `hot_rank`: one of so many equal blocks of experts is hot
  double empty_fraction = 0.25;    ///< of the experts: the empty ones of `empty_experts`
  std::int64_t burst_length = 64;  ///< `burst`: tokens of consecutive global index that share their topic
  std::string trace;               ///< `trace`: file with the recorded routing
  std::string trace_layout;        ///< the order of its dimensions, e.g. "token,layer,k"; empty: the file says
  std::int64_t trace_layer = -1;   ///< which of its layers, where it has several; -1: not said
  /// What is in `trace`, the same on every rank; null until read (kernels/traffic/trace.hpp).
  std::shared_ptr<const RecordedRouting> recording;
};

/// The MaxVio that the unbalanced router is expected to show: the target, or what the pattern implies.
double expected_maxvio(const TrafficConfig& traffic, const GateConfig& gate);

struct AuxLossConfig {
  double alpha = 0.001;              ///< expert-level loss
  double device_alpha = 0.0;         ///< device-level loss (DeepSeek-V2)
  double communication_alpha = 0.0;  ///< communication-level loss (DeepSeek-V2)
  double z_loss = 0.0;               ///< coefficient of mean_t logsumexp(z_t)²
  AuxScope scope = AuxScope::global_batch;
  std::int64_t sequence_length = 0;  ///< tokens of a sequence for AuxScope::sequence; 0: the rank's whole batch
  double capacity_factor = 0.0;      ///< 0: dropless
  DropPolicy drop_policy = DropPolicy::probability;
  double learning_rate = 10.0;  ///< plain gradient descent on the gate's weights
};

struct LossFreeConfig {
  double bias_rate = 0.001;  ///< u
  BiasRule bias_rule = BiasRule::sign;
  bool center = false;  ///< subtract the mean of the update
};

struct BalancingConfig {
  std::int64_t steps = 200;  ///< steps of (gate, counts, update) before the layer is measured
  AuxLossConfig aux_loss;
  LossFreeConfig loss_free;
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
