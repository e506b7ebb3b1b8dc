// Consecutive tokens are alike, as those of one document are: a rank, or a chunk of a batch, sees few topics at a
// time and its rows go to few experts, even where the batch as a whole is no more skewed than that of `topics`.

#include "kernels/traffic/topic_stream.hpp"

namespace moeperf {
namespace {

/// A token's index in the 2048 bursts of calibration has 40 bits (kernels/traffic/random_rows.hpp).
constexpr Range lengths{.least = 1, .most = std::int64_t{1} << 29};

const TrafficRegistration registration(
    "burst", "topics in runs: consecutive tokens share theirs",
    [](const TrafficContext& context) {
      return make_topic_stream(context, "burst",
                               pattern_settings(context.workload->traffic, "burst").integer("length"));
    },
    {.settings = {
         integer_setting("length", "tokens of consecutive global index that share their topic", 64, lengths)}});

}  // namespace
}  // namespace moeperf
