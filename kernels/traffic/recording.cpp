#include "kernels/traffic/recording.hpp"

#include "kernels/base/load_measures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moeperf {

std::string why_unfit(const RecordedRouting& recording) {
  const std::int64_t experts = recording.num_experts, top_k = recording.top_k;
  if (recording.num_steps < 1 || recording.num_tokens < 1 || top_k < 1 || experts < 1) {
    return fmt::format("found {} steps, {} tokens, {} choices of {} experts; accepted: at least one of each",
                       recording.num_steps, recording.num_tokens, top_k, experts);
  }
  const auto copies = static_cast<std::size_t>(recording.num_steps * recording.num_tokens * top_k);
  if (recording.indices.size() != copies || recording.weights.size() != copies) {
    return fmt::format("found {} indices and {} weights; accepted: {} of each", recording.indices.size(),
                       recording.weights.size(), copies);
  }
  if (std::all_of(recording.indices.begin(), recording.indices.end(), [](std::int32_t e) { return e == -1; })) {
    return "found dropped copies (-1) only; accepted: at least one that goes to an expert";
  }
  for (std::size_t at = 0; at < copies; ++at) {
    const auto k = static_cast<std::int64_t>(at) % top_k, row = static_cast<std::int64_t>(at) / top_k;
    const auto place = [&] {
      return fmt::format("[step {}, token {}, copy {}]", row / recording.num_tokens, row % recording.num_tokens, k);
    };
    const std::int32_t expert = recording.indices[at];
    if (expert < -1 || expert >= experts) {
      return fmt::format("found expert {} at indices{}; accepted: 0 to {}, or -1 for a dropped copy", expert, place(),
                         experts - 1);
    }
    const auto token = recording.indices.begin() + row * top_k;
    if (expert >= 0 && std::find(token, token + k, expert) != token + k) {
      return fmt::format("found expert {} twice in a token, at indices{}; accepted: different experts", expert,
                         place());
    }
    if (!std::isfinite(recording.weights[at])) {
      return fmt::format("found weight {} at weights{}; accepted: finite numbers", recording.weights[at], place());
    }
    if (expert < 0 && recording.weights[at] != 0) {
      return fmt::format("found weight {} at weights{}, a dropped copy; accepted: 0 there", recording.weights[at],
                         place());
    }
  }
  return "";
}

double recorded_maxvio(const RecordedRouting& recording) {
  const auto per_step = static_cast<std::size_t>(recording.num_tokens * recording.top_k);
  double most = 0;
  for (std::size_t first = 0; first < recording.indices.size(); first += per_step) {
    std::vector<std::int64_t> load(static_cast<std::size_t>(recording.num_experts), 0);
    for (std::size_t i = first; i < first + per_step; ++i) {
      if (recording.indices[i] >= 0) ++load[static_cast<std::size_t>(recording.indices[i])];
    }
    most = std::max(most, max_violation(load));
  }
  return most;
}

}  // namespace moeperf
