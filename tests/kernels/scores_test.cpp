#include "kernels/scores.hpp"

#include "kernels/score_math.hpp"
#include "tests/catch.hpp"

#include <cmath>
#include <vector>

using namespace moeperf;

namespace {

double relative_error(float found, double wanted) {
  const double size = std::max(std::abs(wanted), 0x1p-126);  // subnormals have fewer digits: absolute there
  return std::abs(static_cast<double>(found) - wanted) / size;
}

constexpr double ulp = 0x1p-23;

std::vector<float> ladder(float from, float to, int steps) {
  std::vector<float> values;
  for (int i = 0; i <= steps; ++i)
    values.push_back(from + (to - from) * static_cast<float>(i) / static_cast<float>(steps));
  return values;
}

template <class Real>
std::vector<Real> scores_of(Score score, const std::vector<Real>& logits) {
  std::vector<Real> scores(logits.size());
  score_row<Real>(score, logits, scores);
  return scores;
}

}  // namespace

TEST_CASE("exp_nonpositive is within two units in the last place of std::exp, down to the subnormals") {
  double worst = 0;
  for (const float x : ladder(-110.0f, 0.0f, 200000)) {
    worst = std::max(worst, relative_error(generic::exp_nonpositive(x), std::exp(static_cast<double>(x))));
  }
  CHECK(worst < 2 * ulp);
  CHECK(generic::exp_nonpositive(0.0f) == 1.0f);
  CHECK(generic::exp_nonpositive(-1e30f) == 0.0f);
  CHECK(generic::exp_nonpositive(-std::numeric_limits<float>::infinity()) == 0.0f);
}

TEST_CASE("log1p_unit is within two units in the last place of std::log1p") {
  double worst = 0;
  for (const float y : ladder(0.0f, 1.0f, 200000)) {
    worst = std::max(worst, relative_error(generic::log1p_unit(y), std::log1p(static_cast<double>(y))));
  }
  CHECK(worst < 2 * ulp);
  CHECK(generic::log1p_unit(1e-30f) == test::Approx(1e-30f));
}

TEST_CASE("Float scores agree with double ones to a few units in the last place") {
  const std::vector<float> logits = ladder(-87.0f, 90.0f, 50001);
  const std::vector<double> exact(logits.begin(), logits.end());
  for (const Score score : {Score::sigmoid, Score::sqrt_softplus}) {
    const auto found = scores_of(score, logits);
    const auto wanted = scores_of(score, exact);
    double worst = 0;
    for (std::size_t i = 0; i < found.size(); ++i) worst = std::max(worst, relative_error(found[i], wanted[i]));
    INFO(name(score));
    CHECK(worst < 4 * ulp);
  }
}

TEST_CASE("Softmax of any length adds up to 1, agrees with double and does not overflow") {
  for (const int n : {1, 2, 7, 16, 17, 60, 256, 511}) {
    std::vector<float> logits;
    for (int i = 0; i < n; ++i) logits.push_back(1000.0f + 3.0f * std::sin(static_cast<float>(i)));
    const auto found = scores_of(Score::softmax, logits);
    const auto wanted = scores_of(Score::softmax, std::vector<double>(logits.begin(), logits.end()));
    double sum = 0, worst = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      sum += static_cast<double>(found[i]);
      worst = std::max(worst, relative_error(found[i], wanted[i]));
    }
    CHECK(sum == test::Approx(1.0).epsilon(1e-6));
    CHECK(worst < 8 * ulp);
  }
}

TEST_CASE("Scores keep the order of the logits at the far ends") {
  for (const Score score : {Score::sigmoid, Score::sqrt_softplus}) {
    const auto scores = scores_of<float>(score, {-200.0f, -60.0f, 0.0f, 10.0f, 1e30f});
    for (std::size_t i = 1; i < 4; ++i) CHECK(scores[i - 1] < scores[i]);
    CHECK(std::isfinite(scores.back()));
  }
}
