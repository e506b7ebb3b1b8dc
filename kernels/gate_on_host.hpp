#pragma once

#include "kernels/backend.hpp"

#include <memory>

namespace moeperf {

/// A backend's gate for tokens, logits and choices that are the host's: the gate itself where its memory is the host's,
/// else between copies that are waited for.
class GateOnHost {
 public:
  /// `backend` outlives it.
  GateOnHost(KernelBackend& backend, const GateConfig& config, std::int64_t hidden);

  /// As Gate::forward, but for what is said above, and finished when it returns.
  void forward(ConstRows x, const GateState& state, Rows* logits, Routing& routing);

 private:
  KernelBackend& backend_;
  GateConfig config_;
  std::unique_ptr<Gate> gate_;
  RowBuffer logits_;  ///< on the device
  Routing routing_;   ///< on the device
};

}  // namespace moeperf
