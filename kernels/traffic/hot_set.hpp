#pragma once

#include "kernels/traffic/pattern.hpp"
#include "kernels/traffic/popularity.hpp"

namespace moeperf {

/// The pattern whose fraction of hot experts others take, too.
constexpr const char* hot_experts_pattern = "hot_experts";

/// Number of experts in that fraction.
std::int32_t num_hot_experts(const Workload& workload);

/// `members` of the experts are hotter than the others by a strength in [0, 1]: from an even share of the tokens to
/// nearly as much as members can get, which is every token or, among more than K of them, all copies.
std::vector<double> hot_popularity(const GateConfig& gate, std::span<const std::int32_t> members, double strength);

}  // namespace moeperf
