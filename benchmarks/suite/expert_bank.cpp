#include "benchmarks/suite/expert_bank.hpp"

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

std::int32_t WeightAssignment::num_slots(int rank) const {
  const std::int32_t local = placement_.num_local(rank);
  return pool_ == 0 ? local : std::min(local, pool_);
}

std::vector<std::int32_t> WeightAssignment::slot_of_expert(int rank) const {
  std::vector<std::int32_t> slots(static_cast<std::size_t>(placement_.num_local(rank)));
  for (std::size_t e = 0; e < slots.size(); ++e) {
    slots[e] = static_cast<std::int32_t>(e) % std::max(1, num_slots(rank));
  }
  return slots;
}

std::int32_t WeightAssignment::weights_of(std::int32_t expert) const {
  return pool_ == 0 ? expert : (expert - placement_.first_expert(placement_.owner(expert))) % pool_;
}

std::int32_t WeightAssignment::weights_in_slot(int rank, std::int32_t slot) const {
  return pool_ == 0 ? placement_.first_expert(rank) + slot : slot;
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

ExpertFfn& ExpertBank::routed(const Workload& workload, const std::string& kernel, KernelBackend& backend,
                              const WeightAssignment& weights, int rank, std::uint64_t seed) {
  const std::string key = workload.name + '/' + kernel;
  if (key != routed_key_) {
    routed_.reset();  // before the new one is made: two would not fit
    routed_key_.clear();
    const ExpertShape shape = routed_expert_shape(workload.model);
    const std::int32_t num_slots = weights.num_slots(rank);
    auto experts = backend.make_expert_ffn(shape, num_slots);
    ExpertWeightSource source(shape);
    for (std::int32_t slot = 0; slot < num_slots; ++slot) {
      experts->load(slot, source.draw(seed, weights.weights_in_slot(rank, slot)));
    }
    routed_ = std::move(experts);
    routed_key_ = key;
  }
  return *routed_;
}

ExpertFfn* ExpertBank::shared(const Workload& workload, const std::string& kernel, KernelBackend& backend,
                              std::uint64_t seed) {
  if (workload.model.shared_experts == 0) return nullptr;
  const std::string key = workload.name + '/' + kernel;
  if (key != shared_key_) {
    shared_.reset();
    shared_key_.clear();
    const ExpertShape shape = shared_expert_shape(workload.model);
    auto expert = backend.make_expert_ffn(shape, 1);
    ExpertWeightSource source(shape);
    expert->load(0, source.draw(seed, shared_expert_weights_id));
    shared_ = std::move(expert);
    shared_key_ = key;
  }
  return shared_.get();
}

}  // namespace moeperf
