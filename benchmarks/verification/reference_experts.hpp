#pragma once

#include "benchmarks/inputs/problem.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace moeperf {

/// Tolerance of an expert's output, relative as in Checker::close: rounding of the inner activation and of
/// the result to `dtype`, plus f32 accumulation over the depth of the two products.
double expert_tolerance(const ExpertShape& shape);

/// Expert outputs of single tokens by the plain reference kernels, weights drawn afresh.
class ReferenceExperts {
 public:
  explicit ReferenceExperts(Problem& problem);
  /// One row [H] through a routed expert, or through the shared ones: f32 values of the rounded result.
  std::vector<float> routed(std::int32_t expert, ConstRows row);
  std::vector<float> shared(ConstRows row);

 private:
  std::vector<float> expert_out(const ExpertShape& shape, std::int32_t weights_id, ConstRows row);

  Problem& problem_;
  KernelBackend& reference_;
};

}  // namespace moeperf
