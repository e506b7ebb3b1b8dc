#pragma once

#include "benchmarks/inputs/problem.hpp"
#include "benchmarks/verification/checker.hpp"

namespace moeperf {

/// Fills the product with what no correct run leaves behind.
void poison(PlainGemm& gemm, Queue& queue);

/// The product of the run since: that every element was written, and those where some rows and columns drawn from the
/// seed meet against sums in double, within the rounding of the type and of f32 sums of that length. `queue` is the
/// backend's. Local.
void check_plain_gemm(Checker& checker, PlainGemm& gemm, Queue& queue, std::uint64_t seed);

}  // namespace moeperf
