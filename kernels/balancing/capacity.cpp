#include "kernels/balancing/capacity.hpp"

#include <algorithm>
#include <cmath>

namespace moeperf {
namespace {

void drop_copy(Routing& routing, std::size_t copy) {
  routing.topk_idx[copy] = -1;
  routing.topk_weights[copy] = 0.0f;
}

std::int64_t count_tokens(const Routing& routing) {
  std::int64_t num_tokens = 0;
  const auto k = static_cast<std::ptrdiff_t>(routing.top_k);
  for (auto token = routing.topk_idx.begin(); token != routing.topk_idx.end(); token += k) {
    num_tokens += std::any_of(token, token + k, [](std::int32_t expert) { return expert >= 0; }) ? 1 : 0;
  }
  return num_tokens;
}

}  // namespace

std::int64_t expert_capacity(double capacity_factor, std::int64_t num_tokens, std::int32_t top_k,
                             std::int32_t num_experts) {
  const double exact = capacity_factor * static_cast<double>(num_tokens) * top_k / num_experts;
  // 1.1 · 80 / 8 is 11.000000000000002 in binary, and means 11.
  const auto copies = static_cast<double>(num_tokens) * top_k;  // an expert cannot get more; a large factor overflows
  return static_cast<std::int64_t>(std::min(copies, std::ceil(exact * (1.0 - 1e-12))));
}

CapacityLimiter::CapacityLimiter(std::int32_t num_experts, double capacity_factor, DropPolicy policy)
    : num_experts_(num_experts), capacity_factor_(capacity_factor), policy_(policy) {}

void CapacityLimiter::drop(Routing& routing) {
  if (capacity_factor_ <= 0) return;
  const std::int64_t capacity = expert_capacity(capacity_factor_, count_tokens(routing), routing.top_k, num_experts_);
  if (policy_ == DropPolicy::position) {
    drop_by_position(routing, capacity);
  } else {
    drop_by_probability(routing, capacity);
  }
}

void CapacityLimiter::drop_by_position(Routing& routing, std::int64_t capacity) {
  num_copies_.assign(static_cast<std::size_t>(num_experts_), 0);
  for (std::size_t copy = 0; copy < routing.topk_idx.size(); ++copy) {
    const std::int32_t expert = routing.topk_idx[copy];
    if (expert >= 0 && ++num_copies_[static_cast<std::size_t>(expert)] > capacity) drop_copy(routing, copy);
  }
}

void CapacityLimiter::drop_by_probability(Routing& routing, std::int64_t capacity) {
  const auto num_experts = static_cast<std::size_t>(num_experts_);
  offsets_.assign(num_experts + 1, 0);
  for (const std::int32_t expert : routing.topk_idx) {
    if (expert >= 0) ++offsets_[static_cast<std::size_t>(expert) + 1];
  }
  for (std::size_t i = 0; i < num_experts; ++i) offsets_[i + 1] += offsets_[i];
  copies_.resize(routing.topk_idx.size());
  num_copies_.assign(offsets_.begin(), offsets_.end() - 1);
  for (std::size_t copy = 0; copy < routing.topk_idx.size(); ++copy) {
    const std::int32_t expert = routing.topk_idx[copy];
    if (expert >= 0)
      copies_[static_cast<std::size_t>(num_copies_[static_cast<std::size_t>(expert)]++)] =
          static_cast<std::int64_t>(copy);
  }
  const auto stands_before = [&](std::int64_t a, std::int64_t b) {
    const float weight_a = routing.topk_weights[static_cast<std::size_t>(a)];
    const float weight_b = routing.topk_weights[static_cast<std::size_t>(b)];
    return weight_a != weight_b ? weight_a > weight_b : a < b;
  };
  for (std::size_t i = 0; i < num_experts; ++i) {
    if (offsets_[i + 1] - offsets_[i] <= capacity) continue;
    const auto first = copies_.begin() + offsets_[i];
    const auto last = copies_.begin() + offsets_[i + 1];
    std::nth_element(first, first + capacity, last, stands_before);
    std::for_each(first + capacity, last,
                  [&](std::int64_t copy) { drop_copy(routing, static_cast<std::size_t>(copy)); });
  }
}

}  // namespace moeperf
