#include "kernels/traffic/topic_stream.hpp"

namespace moeperf {
namespace {

const TrafficRegistration registration(
    topics_pattern, "topics of Zipf popularity; the router itself makes the skew",
    [](const TrafficContext& context) { return make_topic_stream(context, topics_pattern, 1); },
    {.settings = {integer_setting("count", "number of topics", 64, at_least(1)).counting_rows(),
                  real_setting("zipf_exponent", "a topic's popularity goes as 1 / rank^exponent", 1.0, at_least(0))}});

}  // namespace
}  // namespace moeperf
