#include "kernels/traffic/topic_stream.hpp"

namespace moeperf {
namespace {

const TrafficRegistration registration("topics", "topics of Zipf popularity; the router itself makes the skew",
                                       [](const TrafficContext& context) {
                                         return make_topic_stream(context, "topics", 1);
                                       });

}  // namespace
}  // namespace moeperf
