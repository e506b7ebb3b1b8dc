#include "benchmarks/inputs/expert_bank.hpp"

#include "kernels/traffic/initial_weights.hpp"
#include "kernels/traffic/pattern.hpp"

#include <algorithm>

namespace moeperf {

ExpertShape routed_expert_shape(const ModelShape& model) {
  return {model.hidden, model.intermediate, model.activation, model.dtype};
}

ExpertShape shared_expert_shape(const ModelShape& model) {
  return {model.hidden, model.intermediate * model.shared_experts, model.activation, model.dtype};
}

WeightAssignment::WeightAssignment(const ModelShape& model, const Placement& placement, ExpertWeightsMode mode,
                                   std::int64_t last_level_cache_bytes)
    : placement_(placement) {
  if (mode == ExpertWeightsMode::full) return;
  const std::int64_t bytes = routed_expert_shape(model).weight_bytes();
  const std::int64_t beyond_cache = 2 * last_level_cache_bytes / bytes + 1;
  pool_ = static_cast<std::int32_t>(std::clamp<std::int64_t>(beyond_cache, 2, std::max(2, placement.num_experts())));
}

std::int32_t WeightAssignment::num_sets(int rank) const {
  const std::int32_t local = placement_.num_local(rank);
  return pool_ == 0 ? local : std::min(local, pool_);
}

std::vector<std::int32_t> WeightAssignment::set_of_expert(int rank) const {
  std::vector<std::int32_t> sets(static_cast<std::size_t>(placement_.num_local(rank)));
  for (std::size_t e = 0; e < sets.size(); ++e) {
    sets[e] = static_cast<std::int32_t>(e) % std::max(1, num_sets(rank));
  }
  return sets;
}

std::int32_t WeightAssignment::weights_of(std::int32_t expert) const {
  return pool_ == 0 ? expert : (expert - placement_.first_expert(placement_.owner(expert))) % pool_;
}

std::int32_t WeightAssignment::weights_in_set(int rank, std::int32_t set) const {
  return pool_ == 0 ? placement_.first_expert(rank) + set : set;
}

ExpertWeightSource::ExpertWeightSource(const ExpertShape& shape)
    : gate_(shape.activation == Activation::swiglu ? shape.intermediate : 0, shape.hidden, shape.dtype),
      up_(shape.intermediate, shape.hidden, shape.dtype),
      down_(shape.hidden, shape.intermediate, shape.dtype) {}

ExpertWeights ExpertWeightSource::draw(std::uint64_t seed, std::int32_t weights_id) {
  if (gate_.rows().num_rows() > 0) fill_expert_matrix(seed, weights_id, ExpertMatrix::gate, gate_.rows());
  fill_expert_matrix(seed, weights_id, ExpertMatrix::up, up_.rows());
  fill_expert_matrix(seed, weights_id, ExpertMatrix::down, down_.rows());
  return {gate_.rows(), up_.rows(), down_.rows()};
}

ExpertFfn& ExpertBank::load(Held& held, LoadedExperts wanted) {
  if (held.experts && held.of == wanted) return *held.experts;
  held.experts.reset();  // before the new ones are made: both would not fit
  auto experts =
      backends_.get(wanted.kernel).make_expert_ffn(wanted.shape, static_cast<std::int32_t>(wanted.weights.size()));
  ExpertWeightSource source(wanted.shape);
  for (std::size_t set = 0; set < wanted.weights.size(); ++set) {
    experts->load(static_cast<std::int32_t>(set), source.draw(wanted.seed, wanted.weights[set]));
  }
  held = {std::move(wanted), std::move(experts)};
  return *held.experts;
}

ExpertFfn& ExpertBank::routed(const ModelShape& model, const std::string& kernel, const WeightAssignment& weights,
                              int rank, std::uint64_t seed) {
  LoadedExperts wanted{kernel, routed_expert_shape(model), seed, {}};
  for (std::int32_t set = 0; set < weights.num_sets(rank); ++set) {
    wanted.weights.push_back(weights.weights_in_set(rank, set));
  }
  return load(routed_, std::move(wanted));
}

ExpertFfn* ExpertBank::shared(const ModelShape& model, const std::string& kernel, std::uint64_t seed) {
  if (model.shared_experts == 0) return nullptr;
  return &load(shared_, {kernel, shared_expert_shape(model), seed, {shared_expert_weights_id}});
}

}  // namespace moeperf
