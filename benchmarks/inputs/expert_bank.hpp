#pragma once

#include "benchmarks/configuration/config.hpp"
#include "kernels/backends.hpp"
#include "kernels/placement.hpp"
#include "kernels/workload.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moeperf {

ExpertShape routed_expert_shape(const ModelShape& model);
/// The shared experts of a model as one FFN of shared_experts · I.
ExpertShape shared_expert_shape(const ModelShape& model);

/// Which weights each expert uses: its own, or, pooled, those of a few that stand for all.
class WeightAssignment {
 public:
  WeightAssignment(const ModelShape& model, const Placement& placement, ExpertWeightsMode mode,
                   std::int64_t last_level_cache_bytes);

  /// Distinct weight sets that `rank` holds.
  std::int32_t num_sets(int rank) const;
  /// Set of each local expert of `rank`.
  std::vector<std::int32_t> set_of_expert(int rank) const;
  /// Number from which the weights of a global expert are drawn (its own id, unless pooled).
  std::int32_t weights_of(std::int32_t expert) const;
  std::int32_t weights_in_set(int rank, std::int32_t set) const;

 private:
  Placement placement_;
  std::int32_t pool_ = 0;  ///< weight sets in the pool; 0: not pooled
};

/// Host copy of one expert's weights, redrawn at will.
class ExpertWeightSource {
 public:
  explicit ExpertWeightSource(const ExpertShape& shape);
  /// Valid until the next call.
  ExpertWeights draw(std::uint64_t seed, std::int32_t weights_id);

 private:
  RowBuffer gate_, up_, down_;
};

/// The number under which the shared experts' weights are drawn.
constexpr std::int32_t shared_expert_weights_id = -1;

/// Everything that loaded experts depend on.
struct LoadedExperts {
  std::string kernel;
  ExpertShape shape;
  std::uint64_t seed = 0;
  std::vector<std::int32_t> weights;  ///< of each set, see WeightAssignment

  bool operator==(const LoadedExperts&) const = default;
};

/// Keeps one rank's loaded experts between cases, since loading takes longer than measuring: one set of routed experts
/// and one of shared ones at a time.
class ExpertBank {
 public:
  /// `backends` outlives it.
  explicit ExpertBank(Backends& backends) : backends_(backends) {}

  Backends& backends() const { return backends_; }
  ExpertFfn& routed(const ModelShape& model, const std::string& kernel, const WeightAssignment& weights, int rank,
                    std::uint64_t seed);
  /// Null when the model has no shared experts.
  ExpertFfn* shared(const ModelShape& model, const std::string& kernel, std::uint64_t seed);

 private:
  struct Held {
    LoadedExperts of;
    std::unique_ptr<ExpertFfn> experts;
  };
  ExpertFfn& load(Held& held, LoadedExperts wanted);

  Backends& backends_;
  Held routed_, shared_;
};

}  // namespace moeperf
