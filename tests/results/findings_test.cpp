#include "results/findings.hpp"

#include "tests/catch.hpp"
#include "tests/results/example_report.hpp"

#include <algorithm>

namespace moeperf::test {
namespace {

/// Two quiet, right cases and nothing to say about them.
Report quiet_report() {
  Report report = example_report();
  report.status = "VALID";
  report.cases = {example_case("a", 20, 1), example_case("b", 20, 1)};
  report.cases[1].coordinates["scheme"] = "ideal";
  report.header().num_cases_planned = 2;
  for (CaseResult& result : report.cases) {
    for (Measurement& m : result.measurements) std::fill(m.samples.values.begin(), m.samples.values.end(), 1e-3);
  }
  return report;
}

/// The only finding of a changed report.
template <class Change>
std::string finding_after(Change change) {
  Report report = quiet_report();
  change(report);
  const std::vector<std::string> found = findings(report);
  REQUIRE(found.size() == 1);
  return found.front();
}

bool starts(const std::string& text, const std::string& with) {
  INFO(text);
  CHECK(text.starts_with(with));
  return text.starts_with(with);
}

/// Every other sample takes longer by this part.
void disturb(Measurement& m, double part) {
  for (std::size_t i = 0; i < m.samples.values.size(); i += 2) m.samples.values[i] *= 1 + part;
}

TEST_CASE("a quiet, whole report has no findings") { REQUIRE(findings(quiet_report()).empty()); }

TEST_CASE("noisy cases are counted, the worst is named with its part and width") {
  const std::string one = finding_after([](Report& r) { disturb(r.cases[1].measurements[0], 1); });
  REQUIRE(starts(one,
                 "1 of 2 cases is noisy, with an interval wider than +-5 %; the worst has +-33.3 %: "
                 "layer/toy/decode/ideal/mpi-alltoallv/cpu/bf16/tokens=128, part expert. Quieten the machine"));
  const std::string two = finding_after([](Report& r) {
    disturb(r.cases[0].measurements[1], 4);
    disturb(r.cases[1].measurements[0], 1);
  });
  REQUIRE(starts(two, "2 of 2 cases are noisy"));
  REQUIRE(two.find("none/mpi-alltoallv/cpu/bf16/tokens=128, part layer") != std::string::npos);
}

TEST_CASE("the noise of baselines and of meters, and of less than 5 %, makes no case noisy") {
  Report report = quiet_report();
  disturb(report.cases[0].measurements[0], 1);
  report.cases[0].measurements[0].role = Role::baseline;
  Measurement noisy = report.cases[1].measurements[0];
  disturb(noisy, 1);
  report.cases[1].meters.push_back({.meter = "exposed", .unit = "s", .samples = noisy.samples});
  disturb(report.cases[1].measurements[1], 0.08);
  REQUIRE(findings(report).empty());
}

TEST_CASE("cases of too few samples for an interval are counted, with how many it takes") {
  const std::string found = finding_after([](Report& r) {
    r.cases[0].measurements[0].samples.launch_sizes = {3};
    r.cases[0].measurements[0].samples.values.resize(3);
  });
  REQUIRE(found == "1 of 2 cases is without an interval: it takes 6 samples (-n, --min-samples)");
}

TEST_CASE("what was asked for by name and skipped is listed with its reason, other skips are not") {
  const auto skip = [](CaseResult& result, const std::string& why, bool should_run) {
    result.skip_reason = why;
    result.should_run = should_run;
    result.measurements.clear();
  };
  REQUIRE(finding_after([&](Report& r) { skip(r.cases[1], "rank 0: out of memory", true); }) ==
          "asked for, but skipped: layer/toy/decode/ideal/mpi-alltoallv/cpu/bf16/tokens=128: rank 0: out of memory");
  const std::string both = finding_after([&](Report& r) {
    skip(r.cases[0], "no transport", true);
    skip(r.cases[1], "no transport", true);
  });
  REQUIRE(both ==
          "asked for, but skipped: layer/toy/decode/none/mpi-alltoallv/cpu/bf16/tokens=128 and 1 more: no transport");
  Report report = quiet_report();
  skip(report.cases[1], "not compiled in", false);
  REQUIRE(findings(report).empty());
  const std::string tuned =
      finding_after([](Report& r) { r.cases[0].notes["left_out_though_named"] = "pigeon: no loft here"; });
  REQUIRE(starts(tuned, "asked for, but skipped: part of layer/toy/decode/none/"));
  REQUIRE(tuned.ends_with(": pigeon: no loft here"));
}

TEST_CASE("traffic that misses its target by more than a tenth is a finding, target beside reached") {
  const auto aim = [](Report& report, double target, double reached) {
    for (CaseResult& result : report.cases) {
      result.coordinates["traffic"] = "topics";
      result.metrics["traffic_target_maxvio"] = target;
      result.metrics["traffic_reached_maxvio"] = reached;
    }
  };
  REQUIRE(finding_after([&](Report& r) { aim(r, 100, 2.05); }) ==
          "traffic 'topics' of toy decode misses its target: MaxVio 2.05 instead of traffic.target_maxvio = 100");
  REQUIRE(starts(finding_after([&](Report& r) { aim(r, 0, 0.5); }), "traffic 'topics'"));
  Report near = quiet_report();
  aim(near, 2, 1.85);
  REQUIRE(findings(near).empty());
}

TEST_CASE("a run that ended early says why and with how much of the whole") {
  REQUIRE(finding_after([](Report& r) {
            r.header().num_cases_planned = 52;
            r.launches.back().ended_early = "stalled";
          }) == "the run ended early, with 2 of 52 cases: stalled");
  REQUIRE(finding_after([](Report& r) {
            r.header().num_cases_planned = 52;
            r.status = "running";
          }) == "the run goes on or was killed: 2 of 52 cases so far");
}

TEST_CASE("a node that has more to do than this run's threads is a finding, what the last run left is none") {
  const auto with_load = [](Report& r, const std::string& load) {
    Environment& environment = r.header().environment;
    environment.nodes = {{"host", {"vm"}}, {"load_average", {load}}};
    environment.ranks = {{"host", {"vm", "vm"}}, {"threads", {"1", "1"}}};
  };
  REQUIRE(finding_after([&](Report& r) { with_load(r, "19.30"); }) ==
          "something else ran when this started on vm (load average 19.30)");
  Report report = quiet_report();
  with_load(report, "2.10");
  REQUIRE(findings(report).empty());
}

TEST_CASE("more threads than CPUs, or than the quota of a node, are a finding that names the nodes") {
  const std::string crowded = finding_after([](Report& r) { r.header().environment.facts["oversubscribed"] = "yes"; });
  REQUIRE(starts(crowded, "more threads than CPUs on a node"));
  const auto with_quota = [](Report& r, const std::string& quota) {
    Environment& environment = r.header().environment;
    environment.facts["oversubscribed"] = "yes";
    environment.nodes.push_back({"cpu_quota", {quota, quota}});
    environment.ranks.push_back({"threads", {"2", "2", "2", "2"}});
  };
  const std::string over = finding_after([&](Report& r) { with_quota(r, "1.50"); });
  REQUIRE(starts(over, "more threads than the CPU quota allows on node[1-2] (4 threads, quota 1.50): "));
  Report enough = quiet_report();
  with_quota(enough, "4.00");
  enough.header().environment.facts["oversubscribed"] = "no";
  REQUIRE(findings(enough).empty());
}

}  // namespace
}  // namespace moeperf::test
