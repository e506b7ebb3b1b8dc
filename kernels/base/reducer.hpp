#pragma once

#include <cstdint>
#include <span>

namespace moeperf {

/// The reductions that balancing needs over all ranks of expert parallelism, without naming MPI.
/// Every call is collective and leaves the same result on every rank. Sums of doubles are exact,
/// hence independent of the number of ranks, as long as the caller keeps all partial sums on one
/// fixed-point grid (see kernels/base/exact_sum.hpp).
class Reducer {
 public:
  virtual ~Reducer() = default;
  virtual int num_ranks() const = 0;
  virtual int rank() const = 0;
  virtual void sum(std::span<std::int64_t> values) = 0;
  virtual void sum(std::span<double> values) = 0;
  virtual void max(std::span<double> values) = 0;
};

/// One rank alone: every reduction is the identity.
class SoloReducer final : public Reducer {
 public:
  int num_ranks() const override { return 1; }
  int rank() const override { return 0; }
  void sum(std::span<std::int64_t>) override {}
  void sum(std::span<double>) override {}
  void max(std::span<double>) override {}
};

}  // namespace moeperf
