#include "results/byte_definitions.hpp"

#include "kernels/base/error.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <cmath>
#include <set>

namespace moeperf::test {
namespace {

/// A dispatch over 4 ranks on 2 nodes, with a count of each kind of its own.
Report counted_report() {
  Report report = example_report();
  report.header().num_ranks = 4;
  report.header().num_nodes = 2;
  CaseResult result = example_case("counted", 20, 1);
  result.coordinates["benchmark"] = "dispatch";
  result.measurements[0].part = "dispatch";
  result.metrics = {{"copies", 80},      {"copies_other_rank", 60}, {"token_ranks", 40},    {"token_ranks_other", 30},
                    {"token_nodes", 20}, {"token_nodes_other", 10}, {"padded_copies", 160}, {"row_bytes", 1000}};
  report.cases = {result};
  return report;
}

TEST_CASE("the bytes of an exchange are those of whoever's definition is asked for") {
  const Report report = counted_report();
  const auto bytes = [&](const std::string& name) {
    return byte_definition(name).bytes(report.cases[0], report.header()).value();
  };
  REQUIRE(bytes("copies") == 80e3);
  REQUIRE(bytes("nccl-ep") == 80e3);
  REQUIRE(bytes("deepep") == 20e3);
  REQUIRE(bytes("mori") == 20e3);
  REQUIRE(bytes("mori-physical") == 10e3);
  REQUIRE(bytes("pplx") == 160e3);
  REQUIRE(bytes("collectivex") == 40e3);
  REQUIRE(bytes("busbw") == 60e3);
  REQUIRE(bytes("remote") == 60e3);
  std::set<std::string> names;
  for (const ByteDefinition& definition : byte_definitions()) {
    REQUIRE(names.insert(definition.name).second);
    REQUIRE_FALSE(definition.text.empty());
  }
  REQUIRE_THROWS_AS(byte_definition("deepseek"), UserError);
}

TEST_CASE("rates by a definition are per rank, and only of cases that say what they count") {
  Report report = counted_report();
  const TitledTable table = bytes_table(report, byte_definition("deepep"));
  REQUIRE(table.rows.size() == 1);
  const auto& row = table.rows[0];
  const double median_s = 1e-6 * row[row.size() - 3].value.value();
  REQUIRE(std::abs(row[row.size() - 2].value.value() - 5e-3) < 1e-12);
  REQUIRE(std::abs(row.back().value.value() - 5e-6 / median_s) < 1e-9 * row.back().value.value());
  report.cases[0].metrics.erase("row_bytes");
  REQUIRE(bytes_table(report, byte_definition("deepep")).rows.empty());
}

}  // namespace
}  // namespace moeperf::test
