// Replay: global token t of the measured step goes where token t mod T of the recording's last step went, or of the one
// that is asked for, with its weights; the steps before are those before in the recording, which goes round. The hidden
// states are independent noise: nothing looks at them.

#include "kernels/base/counted.hpp"
#include "kernels/traffic/pattern.hpp"
#include "kernels/traffic/random_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

class Trace final : public TrafficPattern {
 public:
  explicit Trace(const TrafficContext& context) : seed_(context.seed), recording_(context.workload->traffic.recording) {
    const std::int64_t step = pattern_settings(context.workload->traffic, "trace").integer("step");
    if (recording_ != nullptr) measured_ = step < 0 ? recording_->num_steps - 1 : step;
    if (recording_ == nullptr) throw Error("traffic pattern 'trace' was made before its recording was read");
  }

  void hidden_states(std::int64_t step, std::int64_t first_token, Rows out) const override {
    visit_dtype(out.dtype(), [&](auto zero) {
      using Element = decltype(zero);
#pragma omp parallel for schedule(static)
      for (std::int64_t t = 0; t < out.num_rows(); ++t) {
        fill_random_row(seed_, RandomStream::token_noise, token_item(step, first_token + t), 1.0f, nullptr,
                        out.num_cols(), out.row<Element>(t));
      }
    });
  }

  bool prescribe(std::int64_t step, std::int64_t first_token, std::int64_t num_tokens,
                 Routing& routing) const override {
    const RecordedRouting& from = *recording_;
    routing.resize(num_tokens, from.top_k);
    const std::int64_t ahead = (step - measured_step + measured_) % from.num_steps;
    const std::int64_t first_of_step = (ahead < 0 ? ahead + from.num_steps : ahead) * from.num_tokens;
    for (std::int64_t t = 0; t < num_tokens; ++t) {
      const std::int64_t at = (first_of_step + (first_token + t) % from.num_tokens) * from.top_k;
      std::copy_n(from.indices.data() + at, from.top_k, routing.topk_idx.data() + t * from.top_k);
      std::copy_n(from.weights.data() + at, from.top_k, routing.topk_weights.data() + t * from.top_k);
    }
    return true;
  }

  std::string description() const override {
    return fmt::format("trace: {} with {} of {}, MaxVio {:.3f} at the most uneven step", recording_->source,
                       counted(recording_->num_steps, "step"), counted(recording_->num_tokens, "token"),
                       recorded_maxvio(*recording_));
  }

 private:
  std::uint64_t seed_;
  std::shared_ptr<const RecordedRouting> recording_;
  std::int64_t measured_ = 0;  // the recording's step at measured_step
};

RecordingSource source(const TrafficConfig& traffic) {
  const Settings settings = pattern_settings(traffic, "trace");
  return {.file = settings.text("file"),
          .layout = settings.text("layout"),
          .layer = settings.integer("layer"),
          .step = settings.integer("step"),
          .table = "traffic.trace"};
}

std::optional<Violation> violation(const TrafficConfig& traffic, const GateConfig&) {
  if (!source(traffic).file.empty()) return std::nullopt;
  return Violation{"traffic.trace.file",
                   "no file given; accepted: an HDF5 file with a recorded routing, as `moeperf route` writes it"};
}

double expected(const TrafficConfig& traffic, const GateConfig&) {
  return traffic.recording ? recorded_maxvio(*traffic.recording) : traffic.target_maxvio;
}

const Registration registration(
    traffic_registry(),
    {.name = "trace",
     .summary = "a recorded routing, replayed",
     .priority = 0,
     .unsupported_reason = [](const TrafficContext& context) -> std::optional<std::string> {
       if (context.workload != nullptr && !source(context.workload->traffic).file.empty()) return {};
       return "no recording given: traffic.trace.file = \"FILE.h5\"";
     },
     .make = [](const TrafficContext& context) { return std::make_unique<Trace>(context); },
     .missing_option = {},
     .traits = {.settings = {text_setting("file", "an HDF5 file with a recorded routing", ""),
                             text_setting("layout", "its dimensions, e.g. token,layer,k, where it does not say", ""),
                             integer_setting("layer", "which of its layers, where it has several", -1, at_least(-1),
                                             "the index of a layer, or -1 for a trace without layers"),
                             integer_setting("step", "which of its steps is measured; -1: the last", -1, at_least(-1),
                                             "the index of a step, or -1 for the last")},
                .violation = violation,
                .expected_maxvio = expected,
                .recording = source,
                .prescribes = true}});

}  // namespace
}  // namespace moeperf
