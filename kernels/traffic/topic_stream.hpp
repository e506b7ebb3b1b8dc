#pragma once

#include "kernels/traffic/pattern.hpp"

#include <memory>
#include <string>

namespace moeperf {

/// The pattern whose settings all streams of topics have.
constexpr const char* topics_pattern = "topics";

/// Tokens of a text belong to topics of unequal popularity; the router sends a topic's tokens to similar
/// experts, so skew comes from the router itself and both kinds of balancing can act on it:
///
///   x = a · centroid[topic] + sqrt(1 − a²) · noise,   P(topic i) ~ 1 / (i + 1)^exponent
///   centroid[i] = (common + own[i]) / sqrt(2)
///
/// All entries are independent with variance 1. The common half stands for the mean that hidden states of
/// trained models share; without it few experts and many topics cannot reach a MaxVio of 2. a, the strength, is
/// calibrated on tokens of step 0 to a stated MaxVio of the unbalanced router.
///
/// Each `run_length` tokens of consecutive global index, from a multiple of it on, draw their topic together. `name`
/// is the pattern's, for the description.
std::unique_ptr<TrafficPattern> make_topic_stream(const TrafficContext& context, const std::string& name,
                                                  std::int64_t run_length);

}  // namespace moeperf
