#include "tests/matrix.hpp"

#include "tests/catch.hpp"

namespace moeperf::test {
namespace {

TEST_CASE("a thin matrix has every step once, and every choice with every implementation") {
  constexpr std::size_t num_cases = 13, num_implementations = 7, num_choices = 6;
  for (std::size_t i = 0; i < num_implementations; ++i) {
    std::size_t choices_met = 0;
    for (std::size_t choice = 0; choice < num_choices; ++choice) {
      std::size_t times = 0;
      for (std::size_t c = 0; c < num_cases; ++c) times += in_turn(true, c + i, choice, num_choices);
      CHECK(times >= num_cases / num_choices);
      choices_met += times;
    }
    CHECK(choices_met == num_cases);
  }
}

TEST_CASE("a full matrix has every choice in every step") {
  for (std::size_t step = 0; step < 5; ++step) {
    for (std::size_t choice = 0; choice < 3; ++choice) CHECK(in_turn(false, step, choice, 3));
  }
}

}  // namespace
}  // namespace moeperf::test
