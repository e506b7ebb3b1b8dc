#include "benchmarks/verification/reference_experts.hpp"

#include "benchmarks/verification/checker.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {

double expert_tolerance(const ExpertShape& shape) {
  const double depth = std::sqrt(static_cast<double>(std::max(shape.hidden, shape.intermediate)));
  const double accumulation = depth * std::ldexp(1.0, -22);
  return accumulation + (shape.dtype == DType::bf16 ? std::ldexp(1.0, -7) : 0.0);
}

ReferenceExperts::ReferenceExperts(Problem& problem) : problem_(problem), reference_(problem.backends().reference()) {}

std::vector<float> ReferenceExperts::expert_out(const ExpertShape& shape, std::int32_t weights_id, ConstRows row) {
  auto expert = reference_.make_expert_ffn(shape, 1);
  ExpertWeightSource source(shape);
  expert->load(0, source.draw(problem_.seed(), weights_id));
  RowBuffer out(1, shape.hidden, shape.dtype);
  const std::int64_t offsets[]{0, 1};
  const std::int32_t sets[]{0};
  expert->forward(row, RowGroups::contiguous(offsets), sets, out.rows());
  return to_floats(out.rows());
}

std::vector<float> ReferenceExperts::routed(std::int32_t expert, ConstRows row) {
  return expert_out(routed_expert_shape(problem_.workload().model), problem_.weights().weights_of(expert), row);
}

std::vector<float> ReferenceExperts::shared(ConstRows row) {
  return expert_out(shared_expert_shape(problem_.workload().model), shared_expert_weights_id, row);
}

}  // namespace moeperf
