#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moeperf {

/// Where a recorded routing is to be read.
struct RecordingSource {
  std::string file{};
  std::string layout{};     ///< the order of its dimensions, e.g. "token,layer,k"; empty: the file says
  std::int64_t layer = -1;  ///< which of its layers, where it has several; -1: not said
  std::int64_t step = -1;   ///< the step of it that is measured; -1: the last
  std::string table{};      ///< whose keys `layout`, `layer` and `step` are, for messages: "traffic.trace"
};

/// A recorded routing: S steps of T tokens, K of E experts each. An index of -1 is a dropped copy, of weight 0.
struct RecordedRouting {
  std::string source;  ///< where it was read, for reports
  std::int64_t num_steps = 0;
  std::int64_t num_tokens = 0;
  std::int32_t num_experts = 0;
  std::int32_t top_k = 0;
  std::vector<std::int32_t> indices;  ///< [S, T, K]
  std::vector<float> weights;         ///< [S, T, K]
};

/// What makes a recording unfit, as "found …; accepted: …": extents below one, other lengths than the extents say, an
/// index outside -1 … E-1, an expert twice in a token, a weight that is not finite. Nothing when it is fit.
std::string why_unfit(const RecordedRouting& recording);

/// The largest MaxVio of its steps.
double recorded_maxvio(const RecordedRouting& recording);

}  // namespace moeperf
