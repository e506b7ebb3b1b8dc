#pragma once

#include "kernels/balancing/loss_free.hpp"
#include "kernels/balancing/scheme.hpp"

namespace moeperf {

/// Every bias of the record, and the one reached, follows from the bias and the loads of the step before; the first is
/// zero. Written out once more, in doubles over the recorded loads. Local.
Claim check_bias(const LossFreeConfig& config, const SchemeRecord& record);

}  // namespace moeperf
