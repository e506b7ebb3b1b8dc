// Tokens of a text belong to topics of unequal popularity; the router sends a topic's tokens to similar
// experts, so skew comes from the router itself and both kinds of balancing can act on it:
//
//   x = a · centroid[topic] + sqrt(1 − a²) · noise,   P(topic i) ~ 1 / (i + 1)^exponent
//   centroid[i] = (common + own[i]) / sqrt(2)
//
// All entries are independent with variance 1. The common half stands for the mean that hidden states of
// trained models share; without it few experts and many topics cannot reach a MaxVio of 2. a, the strength, is
// calibrated on tokens of step 0 to a stated MaxVio of the unbalanced router.

#include "kernels/traffic/calibration.hpp"
#include "kernels/traffic/pattern.hpp"
#include "kernels/traffic/random_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace moeperf {
namespace {

/// Tokens of one topic must not be all alike: no router could tell them apart.
constexpr double max_strength = 0.98;
/// Item of the part that all centroids share; topics have the small ones.
constexpr std::uint64_t common_item = std::uint64_t{1} << 32;
constexpr std::int64_t max_sample = 2048;
/// Multiply-adds that calibration may spend on the sample's logits: some tenths of a second on a core.
constexpr std::int64_t max_projection = std::int64_t{2} << 30;

class Topics final : public TrafficPattern {
 public:
  explicit Topics(const TrafficContext& context)
      : seed_(context.seed), hidden_(context.workload->model.hidden), config_(context.workload->traffic) {
    if (context.gate == nullptr) throw Error("traffic pattern 'topics' needs the router it is calibrated to");
    make_popularity();
    centroids_.resize(static_cast<std::size_t>(config_.topics * hidden_));
    constexpr float half = 0.70710677f;
    std::vector<float> common(static_cast<std::size_t>(hidden_));
    fill_random_row(seed_, RandomStream::topic_centroid, common_item, half, nullptr, hidden_, common.data());
    for (std::int64_t topic = 0; topic < config_.topics; ++topic) {
      fill_random_row(seed_, RandomStream::topic_centroid, static_cast<std::uint64_t>(topic), half, common.data(),
                      hidden_, centroids_.data() + topic * hidden_);
    }
    calibration_ = calibrate(draw_sample(context), config_.target_maxvio, max_strength);
    const auto strength = static_cast<float>(calibration_.strength);
    for (float& value : centroids_) value *= strength;
  }

  void hidden_states(std::int64_t step, std::int64_t first_token, Rows out) const override {
    const auto noise = static_cast<float>(std::sqrt(1.0 - calibration_.strength * calibration_.strength));
    visit_dtype(out.dtype(), [&](auto zero) {
      using Element = decltype(zero);
#pragma omp parallel for schedule(static)
      for (std::int64_t t = 0; t < out.num_rows(); ++t) {
        const std::uint64_t item = token_item(step, first_token + t);
        fill_random_row(seed_, RandomStream::token_noise, item, noise, centroids_.data() + topic_of(item) * hidden_,
                        hidden_, out.row<Element>(t));
      }
    });
  }

  std::string description() const override {
    return fmt::format("topics: strength {:.4f}, MaxVio {:.3f} on the calibration sample (target {:g})",
                       calibration_.strength, calibration_.maxvio, config_.target_maxvio);
  }

 private:
  /// Zipf's law as thresholds on 32 random bits.
  void make_popularity() {
    std::vector<double> weight(static_cast<std::size_t>(config_.topics));
    double total = 0;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      total += weight[i] = std::pow(static_cast<double>(i + 1), -config_.zipf_exponent);
    }
    double below = 0;
    for (const double w : weight) {
      below += w;
      thresholds_.push_back(static_cast<std::uint64_t>(std::ldexp(below / total, 32)));
    }
    thresholds_.back() = std::uint64_t{1} << 32;
  }

  std::int64_t topic_of(std::uint64_t item) const {
    const std::uint64_t draw = random_bits(seed_, RandomStream::token_topic, item, 0)[0];
    return std::upper_bound(thresholds_.begin(), thresholds_.end(), draw) - thresholds_.begin();
  }

  MixtureSample draw_sample(const TrafficContext& context) const {
    const GateConfig& gate = context.workload->model.gate;
    const std::int64_t affordable = max_projection / (std::int64_t{gate.num_experts} * hidden_);
    const std::int64_t n = std::clamp<std::int64_t>(affordable, 64, max_sample);
    std::vector<float> noise(static_cast<std::size_t>(n * hidden_));
    MixtureSample sample;
    sample.gate = gate;
    sample.kind.resize(static_cast<std::size_t>(n));
#pragma omp parallel for schedule(static)
    for (std::int64_t t = 0; t < n; ++t) {
      const std::uint64_t item = token_item(0, t);
      sample.kind[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(topic_of(item));
      fill_random_row(seed_, RandomStream::token_noise, item, 1.0f, nullptr, hidden_, noise.data() + t * hidden_);
    }
    sample.noise_logits = project(context.gate->weight.rows(), noise);
    sample.common_logits = project(context.gate->weight.rows(), centroids_);
    return sample;
  }

  std::uint64_t seed_;
  std::int64_t hidden_;
  TrafficConfig config_;
  std::vector<std::uint64_t> thresholds_;  // [topics], of the topic's upper end in 2^32
  std::vector<float> centroids_;           // [topics, H], times the strength
  Calibration calibration_;
};

const Registration registration(
    traffic_registry(), {.name = "topics",
                         .summary = "topics of Zipf popularity; the router itself makes the skew",
                         .priority = 0,
                         .unsupported_reason = {},
                         .make = [](const TrafficContext& context) { return std::make_unique<Topics>(context); },
                         .missing_option = {}});

}  // namespace
}  // namespace moeperf
