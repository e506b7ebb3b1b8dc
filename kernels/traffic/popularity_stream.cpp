#include "kernels/traffic/popularity_stream.hpp"

#include "kernels/traffic/calibration.hpp"
#include "kernels/traffic/popularity.hpp"
#include "kernels/traffic/random_rows.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moeperf {
namespace {

class PopularityStream final : public TrafficPattern {
 public:
  PopularityStream(const TrafficContext& context, const PopularityProfile& profile)
      : seed_(context.seed),
        hidden_(context.workload->model.hidden),
        num_sets_(profile.num_sets),
        label_(profile.label),
        target_(profile.target_maxvio) {
    if (context.gate == nullptr) throw Error("this traffic pattern needs the router it is calibrated to");
    const ConstRows weight = context.gate->weight.rows();
    const auto direction_at = [&](std::int64_t set, double strength) {
      return hidden_direction(weight, logit_shifts(profile.popularity(set, strength)));
    };
    MixtureSample sample;
    sample.gate = context.workload->model.gate;
    sample.noise_logits = sample_noise_logits(weight, seed_, 1);
    sample.kind.assign(sample.noise_logits.size() / static_cast<std::size_t>(sample.gate.num_experts), 0);
    const auto maxvio_at = [&](double strength) {
      std::vector<float> direction = direction_at(0, strength);
      const double length = length_of(direction);
      // The mixture's common part has variance 1, like the noise.
      const double scale = length > 0 ? std::sqrt(static_cast<double>(hidden_)) / length : 0.0;
      for (float& value : direction) value *= static_cast<float>(scale);
      sample.common_logits = project(weight, direction);
      return mixture_maxvio(sample, share_of_direction(length));
    };
    reached_ = profile.calibrated ? calibrate(maxvio_at, target_, profile.max_strength)
                                  : Calibration{profile.max_strength, maxvio_at(profile.max_strength)};
    for (std::int64_t set = 0; set < num_sets_; ++set) {
      const std::vector<float> direction = direction_at(set, reached_.strength);
      const double a = share_of_direction(length_of(direction));
      noise_factor_.push_back(static_cast<float>(std::sqrt(1.0 - a * a)));
      for (const float value : direction) directions_.push_back(value * noise_factor_.back());
    }
  }

  void hidden_states(std::int64_t step, std::int64_t first_token, Rows out) const override {
    const std::int64_t set = step % num_sets_;
    const float* direction = directions_.data() + set * hidden_;
    const float factor = noise_factor_[static_cast<std::size_t>(set)];
    visit_dtype(out.dtype(), [&](auto zero) {
      using Element = decltype(zero);
#pragma omp parallel for schedule(static)
      for (std::int64_t t = 0; t < out.num_rows(); ++t) {
        fill_random_row(seed_, RandomStream::token_noise, token_item(step, first_token + t), factor, direction, hidden_,
                        out.row<Element>(t));
      }
    });
  }

  std::optional<TrafficMaxvio> maxvio() const override { return TrafficMaxvio{target_, reached_.maxvio}; }

  std::string description() const override {
    return fmt::format("{}: strength {:.4f}, MaxVio {:.3f} on the calibration sample (target {:g})", label_,
                       reached_.strength, reached_.maxvio, target_);
  }

 private:
  static double length_of(const std::vector<float>& values) {
    double sum = 0;
    for (const float value : values) sum += double{value} * value;
    return std::sqrt(sum);
  }

  /// a of x = a · (direction of variance 1) + sqrt(1 − a²) · noise.
  double share_of_direction(double length) const {
    return length / std::sqrt(static_cast<double>(hidden_) + length * length);
  }

  std::uint64_t seed_;
  std::int64_t hidden_;
  std::int64_t num_sets_;
  std::string label_;
  double target_;
  Calibration reached_;
  std::vector<float> directions_;    // [num_sets, H], times the noise's factor
  std::vector<float> noise_factor_;  // [num_sets]
};

}  // namespace

std::unique_ptr<TrafficPattern> make_popularity_stream(const TrafficContext& context,
                                                       const PopularityProfile& profile) {
  return std::make_unique<PopularityStream>(context, profile);
}

}  // namespace moeperf
