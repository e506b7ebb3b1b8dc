#include "kernels/traffic/topic_stream.hpp"

namespace moeperf {
namespace {

const Registration registration(
    traffic_registry(), {.name = "topics",
                         .summary = "topics of Zipf popularity; the router itself makes the skew",
                         .priority = 0,
                         .unsupported_reason = {},
                         .make = [](const TrafficContext& context) { return make_topic_stream(context, "topics", 1); },
                         .missing_option = {}});

}  // namespace
}  // namespace moeperf
