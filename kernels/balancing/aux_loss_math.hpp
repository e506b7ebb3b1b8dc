#pragma once

#include "kernels/placement.hpp"
#include "kernels/workload.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moeperf {

/// Tokens over which the auxiliary loss averages its fractions.
enum class AuxScope : std::uint8_t { sequence, local_batch, global_batch };

struct AuxLossConfig {
  double alpha = 0;                ///< expert-level loss
  double device_alpha = 0;         ///< device-level loss (DeepSeek-V2)
  double communication_alpha = 0;  ///< communication-level loss (DeepSeek-V2)
  double z_loss = 0;               ///< coefficient of mean_t logsumexp(z_t)²
  AuxScope scope = AuxScope::global_batch;
  std::int64_t sequence_length = 0;  ///< tokens of a sequence for AuxScope::sequence; 0: the rank's whole batch
};

// The auxiliary losses and their derivatives, in double, without communication. A *unit* is the set of
// tokens over which a loss takes its fractions: a sequence, a rank's batch or the global batch.

/// One token's probabilities p_i = s_i / Σ_j s_j (for softmax s itself) from its logits, and the slopes
/// g_j = (ds_j/dz_j) / Σ s, with which ∂p_i/∂z_j = g_j·(δ_ij − p_i).
template <class Real>
void normalised_scores(Score score, std::span<const Real> logits, std::span<double> probability,
                       std::span<double> slope);

/// log Σ_j exp(z_j).
template <class Real>
double log_sum_exp(std::span<const Real> logits);

/// What the loss of a unit needs to know of its tokens.
struct UnitLoad {
  std::int64_t num_tokens = 0;
  std::span<const std::int64_t> tokens_per_expert;  ///< c [E], every choice, before drops
  std::span<const std::int64_t> tokens_per_device;  ///< [D], tokens with a choice there, each once
  std::span<const double> probability_sum;          ///< Σ_t p_ti [E]
};

/// Loss of a unit with T tokens on D devices (those of `placement` that hold experts):
///
///   alpha               · E/(K·T²) · Σ_i c_i · Σ_t p_ti                          (Switch, GShard)
///   device_alpha        · Σ_d f'_d P'_d,   f'_d = mean_{i on d} E·c_i/(K·T),  P'_d = Σ_{i on d} Σ_t p_ti/T
///   communication_alpha · Σ_d f''_d P'_d,  f''_d = D/(M·T) · tokens sent to d,  M = min(K, D)
///
/// (the last two: DeepSeek-V2, arXiv 2405.04434 §2.2.3). Each equals its alpha at perfect balance. Writes
/// ∂L/∂p_ti, the same for every token of the unit, to `slope` [E]; the counts are constants.
double unit_loss(const GateConfig& gate, const AuxLossConfig& config, const Placement& placement, const UnitLoad& load,
                 std::span<double> slope);

/// Turns one token's score slopes g into ∂L/∂z in place, from its p and q_i = ∂L/∂p_i:
/// ∂L/∂z_j = g_j·(q_j − Σ_i q_i p_i).
void logit_gradient(std::span<const double> probability, std::span<const double> loss_slope,
                    std::span<double> slope_to_gradient);

/// Ranks of `placement` that hold experts, hence can receive tokens.
int num_devices(const Placement& placement);

}  // namespace moeperf
