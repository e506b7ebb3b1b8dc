// Consecutive tokens are alike, as those of one document are: a rank, or a chunk of a batch, sees few topics at a
// time and its rows go to few experts, even where the batch as a whole is no more skewed than that of `topics`.

#include "kernels/traffic/topic_stream.hpp"

namespace moeperf {
namespace {

const TrafficRegistration registration("burst", "topics in runs: consecutive tokens share theirs",
                                       [](const TrafficContext& context) {
                                         return make_topic_stream(context, "burst",
                                                                  context.workload->traffic.burst_length);
                                       });

}  // namespace
}  // namespace moeperf
