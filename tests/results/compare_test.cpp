#include "results/compare.hpp"

#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <sstream>

namespace moeperf::test {
namespace {

/// Times of one rank: launches whose medians lie around a time with a given relative spread.
Samples times(double median_s, double spread, std::uint64_t seed, std::int64_t launches = 10) {
  Samples samples{.num_ranks = 1, .launch_sizes = {}};
  std::mt19937_64 random(seed);
  std::normal_distribution<double> between(0, spread), within(0, 0.01);
  for (std::int64_t launch = 0; launch < launches; ++launch) {
    samples.launch_sizes.push_back(5 + launch % 3);
    const double level = median_s * std::exp(between(random));
    for (std::int64_t i = 0; i < samples.launch_sizes.back(); ++i)
      samples.values.push_back(level * std::exp(within(random)));
  }
  return samples;
}

/// A valid report of one case with one part, whose launches start a minute apart from `second` on.
Report report_of(const Samples& samples, int second = 0) {
  Report report = example_report();
  report.status = "VALID";
  CaseResult result = example_case("case", 20, 1);
  result.measurements.pop_back();
  result.meters.clear();
  result.measurements[0].samples = samples;
  result.measurements[0].baselines.clear();
  report.cases = {result};
  report.balancing.clear();
  report.launches.assign(samples.launch_sizes.size(), report.launches.front());
  for (std::size_t i = 0; i < report.launches.size(); ++i)
    report.launches[i].header.start_time = fmt::format("2026-01-01T{:02}:{:02}:{:02}Z", i / 60, i % 60, second);
  return report;
}

/// As measured: launches of the two alternate.
ComparedPart compared(const Samples& base, const Samples& fresh, Design design = Design::groups) {
  const Comparison comparison = compare_reports(report_of(base), report_of(fresh, 30), design);
  REQUIRE(comparison.parts.size() == 1);
  return comparison.parts.front();
}
Verdict verdict_of(const Samples& base, const Samples& fresh, Design design = Design::groups) {
  return compared(base, fresh, design).verdict;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("the verdict follows from an exact test of the launches, and from where the interval lies") {
  for (const Design design : {Design::groups, Design::pairs}) {
    const Samples base = times(1e-3, 0.01, 1);
    REQUIRE(verdict_of(base, times(0.8e-3, 0.01, 2), design) == Verdict::faster);
    REQUIRE(verdict_of(base, times(1.25e-3, 0.01, 3), design) == Verdict::slower);
    REQUIRE(verdict_of(times(1e-3, 0.003, 1), times(1e-3, 0.003, 4), design) == Verdict::same);
    REQUIRE(verdict_of(base, base, design) == Verdict::same);
    const ComparedPart wide = compared(times(1e-3, 0.3, 5), times(1e-3, 0.3, 6), design);
    REQUIRE(wide.verdict == Verdict::cannot_tell);
    REQUIRE(has(wide.reason, "launches of each would tell"));
  }
}

TEST_CASE("a difference that is certain but too small to count is SAME") {
  REQUIRE(verdict_of(times(1e-3, 0.001, 1), times(1.01e-3, 0.001, 2)) == Verdict::same);
  REQUIRE(verdict_of(times(1e-3, 0.001, 1), times(1.05e-3, 0.001, 2)) == Verdict::slower);
}

TEST_CASE("too few launches cannot tell, whatever they say and however many samples they have") {
  for (const std::int64_t launches : {1, 2, 3}) {
    const ComparedPart part = compared(times(1e-3, 0.001, 1, launches), times(2e-3, 0.001, 2, launches));
    REQUIRE(part.verdict == Verdict::cannot_tell);
    REQUIRE(part.reason == fmt::format("{0} and {0} launches: it takes 4 of each to tell", launches));
    REQUIRE(part.ratio > 1.9);
  }
  Samples many{.num_ranks = 1, .launch_sizes = {1000}, .values = std::vector<double>(1000, 1e-3)};
  REQUIRE(verdict_of(many, times(2e-3, 0.001, 2)) == Verdict::cannot_tell);
  REQUIRE(verdict_of(times(1e-3, 0.001, 1, 4), times(2e-3, 0.001, 2, 4)) == Verdict::slower);
  const Samples none{.num_ranks = 1, .launch_sizes = {0}};
  REQUIRE(compared(none, times(2e-3, 0.001, 2)).reason == "no samples");
}

TEST_CASE("more parts take more launches, so that all verdicts together err at 5 %") {
  const auto many_cases = [](const Report& one) {
    Report many = one;
    many.cases.clear();
    for (int i = 0; i < 20; ++i) {
      many.cases.push_back(one.cases[0]);
      many.cases.back().id = fmt::format("case_{}", i);
      many.cases.back().coordinates["phase"] = fmt::format("phase{}", i);
    }
    return many;
  };
  const auto compare = [&](std::int64_t launches) {
    return compare_reports(many_cases(report_of(times(1e-3, 0.001, 1, launches))),
                           many_cases(report_of(times(2e-3, 0.001, 2, launches), 30)));
  };
  REQUIRE(compare(4).parts[0].reason == "4 and 4 launches: it takes 6 of each to tell");
  REQUIRE(num_compared(compare(6), Verdict::slower) == 20);
}

TEST_CASE("the same distribution measured twice is rarely called different") {
  for (const Design design : {Design::groups, Design::pairs}) {
    int different = 0;
    for (std::uint64_t trial = 0; trial < 400; ++trial) {
      const Verdict verdict = verdict_of(times(1e-3, 0.1, 2 * trial), times(1e-3, 0.1, 2 * trial + 1), design);
      different += verdict == Verdict::faster || verdict == Verdict::slower ? 1 : 0;
    }
    REQUIRE(different <= 28);  // 20 expected at most
    REQUIRE(different >= 5);   // and it does ask
  }
}

TEST_CASE("on one machine launches must alternate, on two they cannot") {
  const Samples base = times(1e-3, 0.01, 1), fresh = times(1.5e-3, 0.01, 2);
  Report after = report_of(fresh);
  for (Launch& launch : after.launches) launch.header.start_time[8] = '9';  // another day
  const Comparison apart = compare_reports(report_of(base), after);
  REQUIRE(apart.parts[0].verdict == Verdict::cannot_tell);
  REQUIRE(has(apart.parts[0].reason, "did not alternate"));
  for (Launch& launch : after.launches) launch.header.environment.nodes[0].second = {"other1", "other2"};
  REQUIRE(compare_reports(report_of(base), after).parts[0].verdict == Verdict::slower);
}

/// A report whose part has a baseline beside it; both follow the machine, which differs from launch to launch.
Report report_beside(double median_s, double baseline_s, std::uint64_t seed, int second) {
  Report report = report_of(times(baseline_s, 0.2, seed, 12), second);
  Measurement part = report.cases[0].measurements[0], baseline = part;
  std::mt19937_64 random(seed + 1000);
  std::normal_distribution<double> own(0, 0.01);
  std::size_t i = 0;
  for (const std::int64_t size : part.samples.launch_sizes) {
    const double ratio = median_s / baseline_s * std::exp(own(random));
    for (const std::size_t end = i + static_cast<std::size_t>(size); i < end; ++i) part.samples.values[i] *= ratio;
  }
  baseline.part = "plain";
  baseline.role = Role::baseline;
  part.baselines = {"plain"};
  report.cases[0].measurements = {part, baseline};
  return report;
}

TEST_CASE("on one machine a part is compared beside its baselines, and cannot be told where they moved") {
  const Report base = report_beside(1e-3, 1e-3, 1, 0);
  const Comparison slower = compare_reports(base, report_beside(1.1e-3, 1e-3, 2, 30));
  REQUIRE(slower.parts[0].verdict == Verdict::slower);
  REQUIRE(slower.parts[0].beside_baselines);
  REQUIRE(slower.parts[0].ratio > 1.08);
  REQUIRE(slower.parts[0].ratio < 1.12);
  const Comparison moved = compare_reports(base, report_beside(2e-3, 2e-3, 3, 30));
  REQUIRE(moved.parts[0].verdict == Verdict::cannot_tell);
  REQUIRE(has(moved.parts[0].reason, "its baselines on the same hosts moved, too: x"));
  Report elsewhere = report_beside(2e-3, 2e-3, 3, 30);
  for (Launch& launch : elsewhere.launches) launch.header.environment.nodes[0].second = {"other1", "other2"};
  const Comparison machines = compare_reports(base, elsewhere);
  REQUIRE(machines.parts[0].verdict == Verdict::slower);
  REQUIRE_FALSE(machines.parts[0].beside_baselines);
}

TEST_CASE("one conclusion says what each resource did") {
  Report base = report_of(times(1e-3, 0.001, 1));
  CaseResult exchange = base.cases[0];
  exchange.id = "exchange";
  exchange.coordinates["benchmark"] = "dispatch";
  exchange.measurements[0].part = "dispatch";
  exchange.measurements[0].work = {.useful_bytes = 1e6, .wire_bytes_intra = 1, .wire_bytes_inter = 2};
  base.cases.push_back(exchange);
  Report fresh = report_of(times(1e-3, 0.001, 2), 30);
  fresh.cases.push_back(exchange);
  fresh.cases[1].measurements[0].samples = times(22e-3, 0.001, 3);
  REQUIRE(conclusion(compare_reports(base, fresh)).find("compute the same (1 of 1 parts); exchange between nodes 2") ==
          0);
  REQUIRE(has(conclusion(compare_reports(base, fresh)), "x slower (1 of 1 parts)"));
  REQUIRE(conclusion({}) == "nothing to compare");
}

/// Whether a change to the new report makes a warning with this in it, where there was none before.
bool warns(const std::string& part, const std::function<void(Report&)>& change) {
  const auto mentions = [&](const Report& base, const Report& fresh) {
    const std::vector<std::string> warnings = compare_reports(base, fresh).warnings;
    return std::any_of(warnings.begin(), warnings.end(),
                       [&](const std::string& w) { return w.find(part) != std::string::npos; });
  };
  const Report base = report_of(times(1e-3, 0.01, 1));
  Report fresh = report_of(times(1e-3, 0.01, 1), 30);
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
    Report report = report_of(times(1e-3, 0.01, 1), median > 15 ? 0 : 30);
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
  REQUIRE(out.str().find(" J         -  .energy") != std::string::npos);
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
  REQUIRE(warnings.size() == 1);
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
  Report base = report_of(times(0, 0, 1)), fresh = report_of(times(1e-3, 0.01, 2), 30);
  for (std::size_t i = 0; i < 35; ++i) base.cases[0].measurements[0].samples.values[i] = 1e-3;
  std::ostringstream out;
  show_comparison(out, compare_reports(base, fresh));
  show_comparison(out, compare_reports(fresh, base));
  REQUIRE(out.str().find("inf") == std::string::npos);
  REQUIRE(out.str().find("(it may have taken no time)") != std::string::npos);
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
  Report fresh = report_of(times(2e-3, 0.01, 2), 30);
  fresh.status = "running";
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

TEST_CASE("of launches that spread by 1 %, ten of each find 3 % in nine of ten trials, and err in one of twenty") {
  constexpr int trials = 1000, cases = 6;
  // Six cases, of which the last is slower by a factor.
  const auto report = [](int trial, int side, double factor) {
    Report many = report_of(times(1e-3, 0.01, 0), 30 * side);
    const CaseResult one = many.cases[0];
    many.cases.clear();
    for (int i = 0; i < cases; ++i) {
      CaseResult next = one;
      next.id = fmt::format("case_{}", i);
      next.coordinates["phase"] = fmt::format("phase{}", i);
      const double median_s = i + 1 == cases ? factor * 1e-3 : 1e-3;
      next.measurements[0].samples = times(median_s, 0.01, static_cast<std::uint64_t>((trial * 2 + side) * cases + i));
      many.cases.push_back(next);
    }
    return many;
  };
  for (const Design design : {Design::groups, Design::pairs}) {
    int found = 0, wrong = 0;
    for (int trial = 0; trial < trials; ++trial) {
      const Comparison comparison = compare_reports(report(trial, 0, 1), report(trial, 1, 1.03), design);
      bool errs = false;
      for (const ComparedPart& part : comparison.parts) {
        const bool is_changed = has(part.case_key, "phase5");
        found += is_changed && part.verdict == Verdict::slower ? 1 : 0;
        errs = errs || part.verdict == Verdict::faster || (!is_changed && part.verdict == Verdict::slower);
      }
      wrong += errs ? 1 : 0;
    }
    INFO(found << " found, " << wrong << " trials with a wrong verdict");
    CHECK(found >= trials * 9 / 10);
    CHECK(wrong <= trials / 20);
  }
}

/// Ten launches of a layer case of 100 tokens per rank whose median is as given.
Report layer_report(double median_s, std::int64_t ranks, std::uint64_t seed, int second = 0) {
  Report report = report_of(times(median_s, 0.003, seed), second);
  report.cases[0].coordinates["benchmark"] = "layer";
  report.cases[0].measurements[0].part = "layer";
  report.cases[0].tokens_global = 100 * ranks;
  for (Launch& launch : report.launches) {
    launch.header.num_ranks = ranks;
    launch.header.num_nodes = ranks / 2;
  }
  return report;
}

TEST_CASE("figures of merit are compared as systems, per rank and per node") {
  const Comparison same = compare_reports(layer_report(1e-3, 4, 1), layer_report(2e-3, 4, 2, 30));
  REQUIRE(same.merits.size() == 1);
  REQUIRE(same.merits[0].verdict == Verdict::slower);
  REQUIRE(same.merits[0].ratio == Approx(0.5).epsilon(0.02));
  REQUIRE(same.merits[0].ratio_low <= same.merits[0].ratio);
  REQUIRE(same.merits[0].ratio <= same.merits[0].ratio_high);
  REQUIRE(same.merits[0].base_tokens_per_s == Approx(400 / 1e-3).epsilon(0.02));
  // Twice the ranks, each of which takes as long: twice the throughput, the same per rank.
  const Comparison twice = compare_reports(layer_report(1e-3, 4, 1), layer_report(1e-3, 8, 2, 30));
  REQUIRE(twice.merits[0].ratio == Approx(2).epsilon(0.02));
  REQUIRE(twice.merits[0].per_rank == Approx(1).epsilon(0.02));
  REQUIRE(twice.merits[0].per_node == Approx(1).epsilon(0.02));
  REQUIRE(twice.merits[0].verdict == Verdict::same);
  Report fewer = layer_report(1e-3, 8, 2, 30);
  fewer.cases[0].tokens_global = 400;
  const Comparison strong = compare_reports(layer_report(1e-3, 4, 1), fewer);
  REQUIRE(strong.merits[0].verdict == Verdict::cannot_tell);
  REQUIRE(strong.merits[0].reason == "other numbers of tokens per rank");
  std::ostringstream out;
  show_comparison(out, twice);
  REQUIRE(has(out.str(), "# Figures of merit"));
}

}  // namespace
}  // namespace moeperf::test
