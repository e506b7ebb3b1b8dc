#include "kernels/traffic/pattern.hpp"
#include "kernels/traffic/random_rows.hpp"

namespace moeperf {
namespace {

/// Independent tokens: every expert is as likely as any other, up to the router's own draw.
class Uniform final : public TrafficPattern {
 public:
  explicit Uniform(const TrafficContext& context) : seed_(context.seed) {}

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

  std::string description() const override { return "uniform: independent tokens"; }

 private:
  std::uint64_t seed_;
};

const TrafficRegistration registration("uniform", "independent tokens, no skew but chance",
                                       [](const TrafficContext& context) {
                                         return std::make_unique<Uniform>(context);
                                       });

}  // namespace
}  // namespace moeperf
