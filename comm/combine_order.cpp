#include "comm/combine_order.hpp"

#include <set>
#include <utility>

namespace moeperf {

std::string_view name(CombineOrder order) {
  switch (order) {
    case CombineOrder::copies:
      return "copies";
    case CombineOrder::ranks:
      return "ranks";
    case CombineOrder::nodes:
      break;
  }
  return "nodes";
}

CombineReference::CombineReference(CombineOrder order, const Placement& placement, std::span<const int> node_of_rank,
                                   Permuter& permuter, RowFormat format)
    : order_(order),
      placement_(placement),
      node_of_rank_(node_of_rank.begin(), node_of_rank.end()),
      permuter_(permuter),
      partials_(0, format.num_cols, format.dtype) {}

int CombineReference::part_of(std::int32_t expert) const {
  const int rank = placement_.owner(expert);
  return order_ == CombineOrder::ranks ? rank : node_of_rank_[static_cast<std::size_t>(rank)];
}

void CombineReference::sum(ConstRows expert_out, std::span<const std::int32_t> topk_idx, std::span<const float> weights,
                           Rows out) {
  const auto top_k = static_cast<std::int32_t>(topk_idx.size());
  std::vector<std::int64_t> slots(topk_idx.size()), partial_slots;
  if (order_ == CombineOrder::copies) {
    for (std::size_t k = 0; k < topk_idx.size(); ++k) slots[k] = topk_idx[k] < 0 ? -1 : static_cast<std::int64_t>(k);
    return permuter_.weighted_sum(expert_out, slots, weights, top_k, out);
  }
  std::set<int> parts;
  for (const std::int32_t expert : topk_idx) {
    if (expert >= 0) parts.insert(part_of(expert));
  }
  partials_.resize(static_cast<std::int64_t>(parts.size()));
  for (const int part : parts) {
    for (std::size_t k = 0; k < topk_idx.size(); ++k) {
      const bool belongs = topk_idx[k] >= 0 && part_of(topk_idx[k]) == part;
      slots[k] = belongs ? static_cast<std::int64_t>(k) : -1;
    }
    const auto partial = static_cast<std::int64_t>(partial_slots.size());
    permuter_.weighted_sum(expert_out, slots, weights, top_k, partials_.rows().slice(partial, 1));
    partial_slots.push_back(partial);
  }
  const std::vector<float> ones(parts.size(), 1.0f);
  permuter_.weighted_sum(std::as_const(partials_).rows(), partial_slots, ones, static_cast<std::int32_t>(parts.size()),
                         out);
}

}  // namespace moeperf
