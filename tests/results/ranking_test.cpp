#include "results/ranking.hpp"

#include "results/table_text.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_axes.hpp"

namespace moeperf {
namespace {

Measurement timed(const std::string& part, double first, double step) {
  Measurement m;
  m.part = part;
  m.samples.launch_sizes = {20};
  for (int i = 0; i < 20; ++i) m.samples.values.push_back(first + step * i);
  return m;
}

CaseResult tuned() {
  CaseResult c;
  c.coordinates = {{"benchmark", "tune"}, {"workload", "toy"}, {"phase", "decode"},
                   {"scheme", "none"},    {"kernel", "cpu"},   {"tokens", "128"}};
  c.measurements = {timed("slow", 2e-3, 1e-7), timed("quick", 1e-3, 1e-5), timed("as-quick", 1.005e-3, 1e-5)};
  c.notes["left_out"] = "pigeon: no loft here";
  return c;
}

TitledTable table_of(const std::vector<CaseResult>& cases) {
  Report report;
  report.header().axes = test::example_axes();
  report.cases = cases;
  return tuning_table(report);
}

TEST_CASE("the fastest comes first, and what cannot be told from it is not called slower") {
  const auto ranked = ranking(tuned());
  REQUIRE(ranked.size() == 3);
  REQUIRE(ranked[0].part == "quick");
  REQUIRE(ranked[1].part == "as-quick");
  REQUIRE_FALSE(ranked[1].surely_slower());
  REQUIRE(ranked[2].part == "slow");
  REQUIRE(ranked[2].surely_slower());
  REQUIRE(ranked[2].over_best.ratio == test::Approx(2.001e-3 / 1.095e-3).epsilon(0.01));
}

TEST_CASE("too few samples rank, but decide nothing") {
  CaseResult c = tuned();
  for (Measurement& m : c.measurements) {
    m.samples.launch_sizes = {3};
    m.samples.values.resize(3);
  }
  const auto ranked = ranking(c);
  REQUIRE(ranked.back().part == "slow");
  REQUIRE_FALSE(ranked.back().surely_slower());
  REQUIRE_FALSE(ranked.back().over_best.reached);
}

TEST_CASE("best_dispatcher has one value; what cannot be told from it, and what was left out, are comments") {
  const std::string text = table_text(table_of({tuned()}));
  INFO(text);
  REQUIRE(text.find("\nbest_dispatcher[toy/decode/none/cpu/tokens=128] = quick\n# cannot tell from: as-quick\n") !=
          std::string::npos);
  REQUIRE(text.find("# left out: pigeon: no loft here\n") != std::string::npos);
  REQUIRE(text.find("SLOWER") != std::string::npos);
  REQUIRE(table_of({}).rows.empty());
}

}  // namespace
}  // namespace moeperf
