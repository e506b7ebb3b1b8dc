#pragma once

#include "kernels/reference/select.hpp"
#include "kernels/traffic/calibration.hpp"
#include "kernels/traffic/pattern.hpp"

#include <cstdint>
#include <vector>

namespace moeperf::test {

inline Workload workload_of(std::int64_t hidden, std::int32_t experts, std::int32_t top_k, double target) {
  Workload workload;
  workload.model.hidden = hidden;
  workload.model.intermediate = 8;
  workload.model.gate.num_experts = experts;
  workload.model.gate.top_k = top_k;
  workload.traffic.target_maxvio = target;
  return workload;
}

/// Loads by the plain gate of tokens first … first+n-1 of a step, [E].
inline std::vector<std::int64_t> loads_of(const TrafficPattern& pattern, const Workload& workload,
                                          const GateState& gate, std::int64_t step, std::int64_t n,
                                          std::int64_t first = 0) {
  const GateConfig& config = workload.model.gate;
  RowBuffer x(n, workload.model.hidden, DType::f32);
  pattern.hidden_states(step, first, x.rows());
  const std::vector<float> logits =
      project(gate.weight.rows(), {x.rows().row<float>(0), static_cast<std::size_t>(n * workload.model.hidden)});
  const auto experts = static_cast<std::size_t>(config.num_experts);
  std::vector<std::int64_t> load(experts, 0);
  std::vector<std::int32_t> chosen(static_cast<std::size_t>(config.top_k));
  std::vector<float> weights(chosen.size());
  for (std::size_t t = 0; t < static_cast<std::size_t>(n); ++t) {
    reference_select_row<float>(config, std::span(logits).subspan(t * experts, experts), gate.bias, chosen, weights);
    for (const std::int32_t expert : chosen) ++load[static_cast<std::size_t>(expert)];
  }
  return load;
}

}  // namespace moeperf::test
