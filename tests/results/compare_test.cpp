#include "results/compare.hpp"

#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <sstream>

namespace moeperf::test {
namespace {

/// Times of one rank around a median, of a given relative spread.
Samples times(double median_s, double spread, std::uint64_t seed, std::int64_t count = 60) {
  Samples samples{.num_ranks = 1, .launch_sizes = {count}};
  std::mt19937_64 random(seed);
  std::normal_distribution<double> noise(1.0, spread);
  for (std::int64_t i = 0; i < count; ++i) samples.values.push_back(median_s * std::max(0.1, noise(random)));
  return samples;
}

/// A valid report of one case with one part and its baseline.
Report report_of(const Samples& samples) {
  Report report = example_report();
  report.status = "VALID";
  CaseResult result = example_case("case", 20, 1);
  result.measurements.pop_back();
  result.meters.clear();
  result.measurements[0].samples = samples;
  report.cases = {result};
  report.balancing.clear();
  return report;
}

Verdict verdict_of(const Samples& base, const Samples& fresh) {
  const Comparison comparison = compare_reports(report_of(base), report_of(fresh));
  REQUIRE(comparison.parts.size() == 1);
  return comparison.parts.front().verdict;
}

TEST_CASE("the verdict follows from where the interval of the ratio lies") {
  const Samples base = times(1e-3, 0.01, 1);
  REQUIRE(verdict_of(base, times(0.8e-3, 0.01, 2)) == Verdict::faster);
  REQUIRE(verdict_of(base, times(1.25e-3, 0.01, 3)) == Verdict::slower);
  REQUIRE(verdict_of(base, times(1e-3, 0.01, 4)) == Verdict::same);
  REQUIRE(verdict_of(base, base) == Verdict::same);
  REQUIRE(verdict_of(times(1e-3, 0.3, 5), times(1e-3, 0.3, 6)) == Verdict::cannot_tell);
}

TEST_CASE("a difference that is certain but too small to count is SAME") {
  REQUIRE(verdict_of(times(1e-3, 0.001, 1), times(1.01e-3, 0.001, 2)) == Verdict::same);
  REQUIRE(verdict_of(times(1e-3, 0.001, 1), times(1.03e-3, 0.001, 2)) == Verdict::slower);
}

TEST_CASE("too few samples cannot tell, whatever they say") {
  REQUIRE(verdict_of(times(1e-3, 0.001, 1, 6), times(2e-3, 0.001, 2, 6)) == Verdict::cannot_tell);
  REQUIRE(verdict_of(times(1e-3, 0.001, 1, 0), times(2e-3, 0.001, 2)) == Verdict::cannot_tell);
}

TEST_CASE("the same distribution measured twice is rarely called different") {
  int different = 0;
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    const Verdict verdict = verdict_of(times(1e-3, 0.05, 2 * trial), times(1e-3, 0.05, 2 * trial + 1));
    different += verdict == Verdict::faster || verdict == Verdict::slower ? 1 : 0;
  }
  REQUIRE(different <= 10);
}

/// Whether a change to the new report makes a warning with this in it, where there was none before.
bool warns(const std::string& part, const std::function<void(Report&)>& change) {
  const auto mentions = [&](const Report& base, const Report& fresh) {
    const std::vector<std::string> warnings = compare_reports(base, fresh).warnings;
    return std::any_of(warnings.begin(), warnings.end(),
                       [&](const std::string& w) { return w.find(part) != std::string::npos; });
  };
  const Report base = report_of(times(1e-3, 0.01, 1));
  Report fresh = base;
  fresh.header().run_id = "another";
  if (mentions(base, fresh)) return false;
  change(fresh);
  return mentions(base, fresh);
}

TEST_CASE("what makes a ratio say something else than how fast the code is, is a warning") {
  REQUIRE(warns("same run", [](Report& r) { r.header().run_id = example_report().header().run_id; }));
  REQUIRE(warns("did not end", [](Report& r) { r.status = "running"; }));
  REQUIRE(warns("the new report is INVALID: x", [](Report& r) { r.status = "INVALID: x"; }));
  REQUIRE(warns("4 ranks | 8 ranks: not in all cases as many tokens", [](Report& r) { r.header().num_ranks = 8; }));
  REQUIRE(warns("the routing is not the same", [](Report& r) { r.cases[0].routing_checksum = "0"; }));
  REQUIRE(warns("number of tokens", [](Report& r) { r.cases[0].tokens_global = 1; }));
  REQUIRE(warns("the flop_useful differ", [](Report& r) { r.cases[0].measurements[0].work.flop_useful = 1; }));
  REQUIRE(warns("(mpi-alltoallv | other)", [](Report& r) { r.cases[0].coordinates["dispatcher"] = "other"; }));
  REQUIRE(warns("(cpu | reference)", [](Report& r) { r.cases[0].coordinates["kernel"] = "reference"; }));
  REQUIRE(warns("what runs as kernel", [](Report& r) { r.cases[0].notes["kernel"] = "plain loops"; }));
  REQUIRE(warns("wrong in new", [](Report& r) { r.cases[0].verification.passed = false; }));
  REQUIRE(warns("not verified in new", [](Report& r) { r.cases[0].verification.performed = false; }));
  REQUIRE(warns("1 of 1 baseline differs: the machine was not in the same state", [](Report& r) {
    r.cases[0].measurements[0].role = Role::baseline;
    r.cases[0].measurements[0].samples = times(2e-3, 0.01, 2);
  }));
}

TEST_CASE("a meter that fell is information, with its ratio and unit: no verdict, and no sign of another machine") {
  const auto with_meter = [](double median, const std::string& unit) {
    Report report = report_of(times(1e-3, 0.01, 1));
    report.cases[0].meters.push_back(
        {.meter = "energy", .unit = unit, .across_ranks = AcrossRanks::sum, .samples = times(median, 0.01, 2)});
    return report;
  };
  const Comparison comparison = compare_reports(with_meter(20, "J"), with_meter(10, "J"));
  REQUIRE(comparison.parts.size() == 2);
  REQUIRE(comparison.parts[1].is_meter);
  REQUIRE(comparison.parts[1].verdict == Verdict::cannot_tell);
  REQUIRE(comparison.parts[1].ratio == 0.5);
  for (const std::string& warning : comparison.warnings) REQUIRE(warning.find("baseline") == std::string::npos);
  std::ostringstream out;
  show_comparison(out, comparison);
  REQUIRE(out.str().find("1 part compared: 0 FASTER, 0 SLOWER, 1 SAME, 0 CANNOT TELL") != std::string::npos);
  REQUIRE(out.str().find("\n  -  ") != std::string::npos);
  REQUIRE(out.str().find(" J  .energy") != std::string::npos);
  const Comparison other_unit = compare_reports(with_meter(20, "J"), with_meter(10, "W"));
  REQUIRE(other_unit.parts[1].reason == "defined otherwise in base");
}

TEST_CASE("as many tokens per rank on other ranks are said once, and their other totals are no warning") {
  const Report base = report_of(times(1e-3, 0.01, 1));
  Report fresh = base;
  fresh.header().run_id = "another";
  fresh.header().num_ranks = 8;
  fresh.cases[0].tokens_global *= 2;
  fresh.cases[0].routing_checksum = "0";
  fresh.cases[0].measurements[0].work.flop_useful *= 2;
  const std::vector<std::string> warnings = compare_reports(base, fresh).warnings;
  REQUIRE(warnings.size() == 2);  // the other: one launch
  REQUIRE(warnings[0].starts_with("4 ranks | 8 ranks: as many tokens per rank, but"));
}

TEST_CASE("baselines that differ between two networks do not say that a machine changed its state") {
  const auto slower = [](Report& r) {
    r.cases[0].measurements[0].role = Role::baseline;
    r.cases[0].measurements[0].samples = times(2e-3, 0.01, 2);
  };
  const auto elsewhere = [](Report& r) { r.header().environment.nodes[0].second = {"other1", "other2"}; };
  const auto fewer_nodes = [](Report& r) { r.header().num_nodes = 1; };
  const std::string same = "machine was not in the same state", other = "the ratios compare the machines, too";
  REQUIRE(warns(same, slower));
  REQUIRE_FALSE(warns(other, slower));
  for (const std::function<void(Report&)>& change : {std::function<void(Report&)>(elsewhere), {fewer_nodes}}) {
    const auto both = [&](Report& r) {
      slower(r);
      change(r);
    };
    REQUIRE_FALSE(warns(same, both));
    REQUIRE(warns(other, both));
  }
}

TEST_CASE("a base that may have taken no time is said so, without an infinite interval") {
  Report base = report_of(times(0, 0, 1)), fresh = report_of(times(1e-3, 0.01, 2));
  for (std::size_t i = 0; i < 35; ++i) base.cases[0].measurements[0].samples.values[i] = 1e-3;
  std::ostringstream out;
  show_comparison(out, compare_reports(base, fresh));
  show_comparison(out, compare_reports(fresh, base));
  REQUIRE(out.str().find("inf") == std::string::npos);
  REQUIRE(out.str().find("(the base may have taken no time)") != std::string::npos);
}

TEST_CASE("what was compared are the measured parts that both have") {
  const Report report = report_of(times(1e-3, 0.01, 1));
  REQUIRE(num_compared(compare_reports(report, report)) == 1);
  REQUIRE(num_compared(compare_reports(report, {})) == 0);
  Report baseline = report;
  baseline.cases[0].measurements[0].role = Role::baseline;
  REQUIRE(num_compared(compare_reports(baseline, baseline)) == 0);
}

TEST_CASE("other bytes on the wire are no other work: the dispatcher is compared for them") {
  REQUIRE_FALSE(warns("differ", [](Report& r) { r.cases[0].measurements[0].work.wire_bytes_inter = 1; }));
}

TEST_CASE("a warning about many cases is one line") {
  Report base = report_of(times(1e-3, 0.01, 1));
  base.cases.assign(3, base.cases[0]);
  Report fresh = base;
  for (CaseResult& result : fresh.cases) result.routing_checksum = "0";
  const std::vector<std::string> warnings = compare_reports(base, fresh).warnings;
  REQUIRE(std::count_if(warnings.begin(), warnings.end(),
                        [](const std::string& w) { return w.find("and 2 more") != std::string::npos; }) == 1);
}

TEST_CASE("cases are matched across dispatchers only where that leaves no choice") {
  const Report base = report_of(times(1e-3, 0.01, 1));
  Report fresh = base;
  fresh.cases[0].coordinates["dispatcher"] = "other";
  REQUIRE(compare_reports(base, fresh).parts.size() == 1);
  fresh.cases.push_back(fresh.cases[0]);
  fresh.cases[1].coordinates["dispatcher"] = "third";
  const Comparison comparison = compare_reports(base, fresh);
  REQUIRE(comparison.parts.empty());
  REQUIRE(comparison.only_in_new.size() == 2);
  REQUIRE(comparison.only_in_base.size() == 1);
}

TEST_CASE("what only one report has is listed with the reason") {
  const Report base = report_of(times(1e-3, 0.01, 1));
  Report fresh = base;
  fresh.cases[0].skip_reason = "no GPU";
  const Comparison skipped = compare_reports(base, fresh);
  REQUIRE(skipped.parts.empty());
  REQUIRE(skipped.only_in_base.front().find("skipped in new: no GPU") != std::string::npos);
  fresh = base;
  fresh.cases[0].measurements[0].part = "renamed";
  const Comparison renamed = compare_reports(base, fresh);
  REQUIRE(renamed.only_in_base.front().find("part expert") != std::string::npos);
  REQUIRE(renamed.only_in_new.front().find("part renamed") != std::string::npos);
}

TEST_CASE("differences of the environments come first, then warnings, then the verdicts") {
  const Report base = report_of(times(1e-3, 0.01, 1));
  Report fresh = report_of(times(2e-3, 0.01, 2));
  fresh.header().environment.facts["mpi"] = "other MPI";
  fresh.header().environment.variables["SLURM_JOB_ID"] = "77";  // of course
  std::ostringstream out;
  show_comparison(out, compare_reports(base, fresh));
  const std::string text = out.str();
  const std::size_t environment = text.find("mpi: some MPI 1.0 | other MPI"), warning = text.find("warning:"),
                    verdict = text.find("SLOWER  "), count = text.find("1 part compared: 0 FASTER, 1 SLOWER");
  REQUIRE(environment < warning);
  REQUIRE(text.find("SLURM_JOB_ID") == std::string::npos);
  REQUIRE(warning < verdict);
  REQUIRE(verdict < count);
  REQUIRE(count != std::string::npos);
}

TEST_CASE("a report compared with itself and with an empty one gives figures, not NaN") {
  const Report report = example_report();
  Report bare;
  std::ostringstream out;
  show_comparison(out, compare_reports(report, report));
  show_comparison(out, compare_reports(report, bare));
  show_comparison(out, compare_reports(bare, report));
  REQUIRE(out.str().find("nan") == std::string::npos);
}

}  // namespace
}  // namespace moeperf::test
