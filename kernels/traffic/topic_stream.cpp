#include "kernels/traffic/topic_stream.hpp"

#include "kernels/traffic/calibration.hpp"
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

class TopicStream final : public TrafficPattern {
 public:
  TopicStream(const TrafficContext& context, std::string name, std::int64_t run_length)
      : name_(std::move(name)),
        run_length_(run_length),
        seed_(context.seed),
        hidden_(context.workload->model.hidden),
        target_maxvio_(context.workload->traffic.target_maxvio) {
    if (context.gate == nullptr) throw Error("traffic pattern '" + name_ + "' needs the router it is calibrated to");
    const Settings settings = pattern_settings(context.workload->traffic, topics_pattern);
    const std::int64_t topics = settings.integer("count");
    make_popularity(topics, settings.real("zipf_exponent"));
    centroids_.resize(static_cast<std::size_t>(topics * hidden_));
    constexpr float half = 0.70710677f;
    std::vector<float> common(static_cast<std::size_t>(hidden_));
    fill_random_row(seed_, RandomStream::topic_centroid, common_item, half, nullptr, hidden_, common.data());
    for (std::int64_t topic = 0; topic < topics; ++topic) {
      fill_random_row(seed_, RandomStream::topic_centroid, static_cast<std::uint64_t>(topic), half, common.data(),
                      hidden_, centroids_.data() + topic * hidden_);
    }
    calibration_ = calibrate([sample = draw_sample(context)](double a) { return mixture_maxvio(sample, a); },
                             target_maxvio_, max_strength);
    const auto strength = static_cast<float>(calibration_.strength);
    for (float& value : centroids_) value *= strength;
  }

  void hidden_states(std::int64_t step, std::int64_t first_token, Rows out) const override {
    const auto noise = static_cast<float>(std::sqrt(1.0 - calibration_.strength * calibration_.strength));
    visit_dtype(out.dtype(), [&](auto zero) {
      using Element = decltype(zero);
#pragma omp parallel for schedule(static)
      for (std::int64_t t = 0; t < out.num_rows(); ++t) {
        const std::int64_t token = first_token + t;
        fill_random_row(seed_, RandomStream::token_noise, token_item(step, token), noise,
                        centroids_.data() + topic_of(step, token) * hidden_, hidden_, out.row<Element>(t));
      }
    });
  }

  std::optional<TrafficMaxvio> maxvio() const override { return TrafficMaxvio{target_maxvio_, calibration_.maxvio}; }

  std::string description() const override {
    return fmt::format("{}: strength {:.4f}, MaxVio {:.3f} on the calibration sample (target {:g})", name_,
                       calibration_.strength, calibration_.maxvio, target_maxvio_);
  }

 private:
  /// Zipf's law as thresholds on 32 random bits.
  void make_popularity(std::int64_t topics, double exponent) {
    std::vector<double> weight(static_cast<std::size_t>(topics));
    double total = 0;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      total += weight[i] = std::pow(static_cast<double>(i + 1), -exponent);
    }
    double below = 0;
    for (const double w : weight) {
      below += w;
      thresholds_.push_back(static_cast<std::uint64_t>(std::ldexp(below / total, 32)));
    }
    thresholds_.back() = std::uint64_t{1} << 32;
  }

  std::int64_t topic_of(std::int64_t step, std::int64_t token) const {
    const std::uint64_t item = token_item(step, token / run_length_);
    const std::uint64_t draw = random_bits(seed_, RandomStream::token_topic, item, 0)[0];
    return std::upper_bound(thresholds_.begin(), thresholds_.end(), draw) - thresholds_.begin();
  }

  /// One token of each run, so that the sample shows the topics' long-term shares.
  MixtureSample draw_sample(const TrafficContext& context) const {
    MixtureSample sample;
    sample.gate = context.workload->model.gate;
    sample.noise_logits = sample_noise_logits(context.gate->weight.rows(), seed_, run_length_);
    sample.common_logits = project(context.gate->weight.rows(), centroids_);
    sample.kind.resize(sample.noise_logits.size() / static_cast<std::size_t>(sample.gate.num_experts));
    for (std::size_t i = 0; i < sample.kind.size(); ++i) {
      sample.kind[i] = static_cast<std::int32_t>(topic_of(0, static_cast<std::int64_t>(i) * run_length_));
    }
    return sample;
  }

  std::string name_;
  std::int64_t run_length_;
  std::uint64_t seed_;
  std::int64_t hidden_;
  double target_maxvio_;
  std::vector<std::uint64_t> thresholds_;  // [topics], of the topic's upper end in 2^32
  std::vector<float> centroids_;           // [topics, H], times the strength
  Calibration calibration_;
};

}  // namespace

std::unique_ptr<TrafficPattern> make_topic_stream(const TrafficContext& context, const std::string& name,
                                                  std::int64_t run_length) {
  return std::make_unique<TopicStream>(context, name, run_length);
}

}  // namespace moeperf
