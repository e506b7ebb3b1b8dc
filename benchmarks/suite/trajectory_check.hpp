#pragma once

#include "benchmarks/suite/checker.hpp"

namespace moeperf {

// The trajectory of a balancing scheme against the scheme's own formulas, written out once more in plain
// steps over what the trajectory recorded.

/// The loads of every step add up to K copies per token, and there are as many steps as asked for. Local.
void check_loads(Checker& checker, const Problem& problem, const BalancingTrajectory& trajectory);

/// Every bias follows from the bias and the loads of the step before. Local; nothing to do without a bias.
void check_bias(Checker& checker, const LossFreeConfig& config, const BalancingTrajectory& trajectory);

/// The last step's loss follows from its loads and logits [T,E], where it is the expert-level loss of the
/// global batch alone (see can_check_aux_loss). Collective.
void check_aux_loss(Checker& checker, const Problem& problem, const BalancingTrajectory& trajectory, ConstRows logits);
bool can_check_aux_loss(const AuxLossConfig& config, const BalancingTrajectory& trajectory);

}  // namespace moeperf
