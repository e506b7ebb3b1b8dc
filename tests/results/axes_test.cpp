#include "results/axes.hpp"

#include "results/case_key.hpp"
#include "results/compare.hpp"
#include "results/compare_match.hpp"
#include "results/reader.hpp"
#include "results/show.hpp"
#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <algorithm>
#include <sstream>

namespace moeperf::test {
namespace {

const ReportAxis cache{.name = "cache", .usual = "hot", .key = "cache={}", .heading = "{} cache"};

/// A report on disk and back.
Report through_a_file(const Report& report) {
  const TemporaryFolder folder;
  write_report(report, folder / "report.h5");
  return read_report(folder / "report.h5");
}

/// The example's first case, hot and cold.
Report with_cache() {
  Report report = example_report();
  report.balancing.clear();
  report.header().axes.push_back(cache);
  report.cases = {report.cases[0], report.cases[0]};
  report.cases[1].id = "cold";
  report.cases[0].coordinates["cache"] = "hot";
  report.cases[1].coordinates["cache"] = "cold";
  return report;
}

std::string shown(const Report& report) {
  std::ostringstream out;
  show_report(out, report);
  return out.str();
}

TEST_CASE("an axis that this program knows nothing of is read from the file, with all that is said of it") {
  const Report report = with_cache(), read = through_a_file(report);
  REQUIRE(read.header().axes == report.header().axes);
  REQUIRE(read.cases[1].on("cache") == "cold");
  const std::string text = shown(read);
  INFO(text);
  REQUIRE(text.find("\n# toy decode, 128 tokens per rank, bf16, kernel cpu, dispatcher mpi-alltoallv, cold cache\n") !=
          std::string::npos);
  REQUIRE(text.find("/tokens=128/cache=cold] = ") != std::string::npos);
  REQUIRE(text.find("/tokens=128] = ") != std::string::npos);  // the usual one is not named
  REQUIRE(text.find("  cache  ") != std::string::npos);        // heads a column
}

TEST_CASE("a case that lacks an axis of its report has the usual value") {
  Report report = with_cache();
  report.cases[0].coordinates.erase("cache");
  const Report read = through_a_file(report);
  REQUIRE(read.cases[0].on("cache") == "hot");
  REQUIRE(read.cases[1].on("cache") == "cold");
}

TEST_CASE("a report that lacks an axis is compared with the usual value's cases of one that has it, either way") {
  Report without = with_cache();
  without.header().axes.pop_back();
  without.cases.pop_back();
  without.cases[0].coordinates.erase("cache");
  without = through_a_file(without);
  const Report with = through_a_file(with_cache());
  const MatchedCases forth = match_cases(without, with), back = match_cases(with, without);
  REQUIRE(forth.pairs.size() == 1);
  CHECK(forth.pairs[0].fresh->on("cache") == "hot");
  REQUIRE(forth.only_in_new.size() == 1);
  CHECK(forth.only_in_new[0].result->on("cache") == "cold");
  REQUIRE(back.pairs.size() == 1);
  CHECK(back.pairs[0].base->on("cache") == "hot");
  CHECK(back.only_in_base.size() == 1);
}

TEST_CASE("two reports that call different values usual are compared by the values") {
  Report hot = with_cache(), cold = with_cache();
  cold.header().axes.back().usual = "cold";
  const MatchedCases matched = match_cases(hot, cold);
  REQUIRE(matched.pairs.size() == 2);
  for (const CasePair& pair : matched.pairs) CHECK(pair.base->on("cache") == pair.fresh->on("cache"));
}

TEST_CASE("what is usual may be the value on another axis") {
  const ReportAxis wire{.name = "wire", .usual_as = "dtype"};
  CHECK(is_usual(wire, {{"dtype", "bf16"}, {"wire", "bf16"}}));
  CHECK_FALSE(is_usual(wire, {{"dtype", "bf16"}, {"wire", "fp8"}}));
  CHECK(is_usual(wire, {{"dtype", "bf16"}, {"wire", "-"}}));
  CHECK(is_usual(wire, {{"dtype", "bf16"}}));
}

}  // namespace
}  // namespace moeperf::test
