#pragma once

#include "kernels/balancing/aux_loss_math.hpp"
#include "kernels/balancing/scheme.hpp"

namespace moeperf {

/// Whether the loss is the expert-level one of the global batch alone, which loads and logits of a step tell.
bool can_check_loss(const AuxLossConfig& config);

/// The last step's loss follows from its loads and logits; written out once more. Collective. Only where
/// can_check_loss().
Claim check_loss(const GateConfig& gate, const AuxLossConfig& config, Reducer& reducer, const SchemeRecord& record);

}  // namespace moeperf
