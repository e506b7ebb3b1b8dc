#include "results/stragglers.hpp"

#include "results/findings.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace moeperf::test {
namespace {

/// Gates of 10 ms with noise on `ranks` ranks, two to a node; rank `slow` takes `factor` times as long.
Report gates(std::int64_t ranks, std::int64_t slow, double factor, std::uint64_t seed, std::int64_t samples = 60,
             double noise = 0.05) {
  Report report = example_report();
  ReportHeader& header = report.header();
  header.num_ranks = ranks;
  header.num_nodes = (ranks + 1) / 2;
  std::vector<std::string> numbers, hosts;
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    numbers.push_back(std::to_string(rank));
    hosts.push_back(fmt::format("node{}", rank / 2));
  }
  header.environment.ranks = {{"rank", numbers}, {"host", hosts}};
  CaseResult result = example_case("gate", 20, 1);
  result.coordinates["benchmark"] = "gate";
  result.coordinates["tokens"] = "512";
  result.measurements.resize(1);
  Measurement& m = result.measurements[0];
  m.part = "gate";
  m.role = Role::measured;
  m.baselines.clear();
  m.samples = {.num_ranks = ranks, .launch_sizes = {samples}};
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> by(0, noise);
  for (std::int64_t i = 0; i < samples; ++i) {
    for (std::int64_t rank = 0; rank < ranks; ++rank)
      m.samples.values.push_back(0.01 * by(random) * (rank == slow ? factor : 1));
  }
  report.cases = {result};
  return report;
}

TEST_CASE("a slow rank is named, with its host, by how much, and how sure that is") {
  for (const std::int64_t ranks : {2, 3, 8, 64}) {
    const std::int64_t slow = ranks - 1;
    const auto found = find_stragglers(gates(ranks, slow, 1.5, 7));
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].rank == slow);
    REQUIRE(found[0].host == fmt::format("node{}", slow / 2));
    REQUIRE(found[0].slower > 1.35);
    REQUIRE(found[0].slower < 1.65);
    REQUIRE(found[0].last_in > 0.9);
    REQUIRE(found[0].p < 1e-6);
  }
}

TEST_CASE("nobody is named for noise, a few percent, or too few samples") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    REQUIRE(find_stragglers(gates(4, 0, 1, seed, 60, 0.3)).empty());
    REQUIRE(find_stragglers(gates(2, 1, 1.05, seed)).empty());
    REQUIRE(find_stragglers(gates(2, 1, 2, seed, 5)).empty());
  }
}

TEST_CASE("a rank that is slow for slices of time is named though most of its short samples are quick") {
  Report report = gates(2, 1, 1, 3, 4000);
  Samples& samples = report.cases[0].measurements[0].samples;
  for (std::int64_t i = 0; i < 4000; ++i) {
    samples.values[static_cast<std::size_t>(2 * i)] *= 0.02;  // 0.2 ms
    samples.values[static_cast<std::size_t>(2 * i + 1)] *= 0.02;
    if (i % 15 == 0) samples.values[static_cast<std::size_t>(2 * i + 1)] += 3e-3;
  }
  const auto found = find_stragglers(report);
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].rank == 1);
}

TEST_CASE("what ranks do differently is no sign of a slow one") {
  Report unequal = gates(2, 1, 2, 7);
  unequal.cases[0].coordinates["tokens"] = "512,1024";
  REQUIRE(find_stragglers(unequal).empty());
  Report expert = gates(2, 1, 2, 7);
  expert.cases[0].measurements[0].part = "expert";
  REQUIRE(find_stragglers(expert).empty());
  Report product = unequal;
  product.cases[0].measurements[0].part = "plain_gemm";
  REQUIRE(find_stragglers(product).size() == 1);
}

TEST_CASE("slow ranks are findings, and their nodes what to leave out") {
  const auto said = [](const Report& report, const std::string& text) {
    const auto all = findings(report);
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& one) { return one.find(text) != std::string::npos; });
  };
  REQUIRE(said(gates(8, 5, 1.5, 1), "rank 5 on node2 is slow: 1."));
  REQUIRE(said(gates(8, 5, 1.5, 1), "--exclude=node2"));
  REQUIRE_FALSE(said(gates(2, 1, 1.5, 1), "--exclude"));
  REQUIRE_FALSE(said(gates(8, 5, 1, 1), "is slow"));
}

}  // namespace
}  // namespace moeperf::test
