#include "results/compare.hpp"

#include "results/compare_environment.hpp"
#include "results/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace moeperf {
namespace {

std::string coordinates(const CaseResult& result) {
  std::string key = result.benchmark;
  for (const std::string& part :
       {result.workload, result.phase_kind, result.scheme, result.dispatcher, result.kernel, result.dtype}) {
    if (part != "-") key += "/" + part;
  }
  key += fmt::format("/tokens={}", result.tokens_per_rank);
  return result.expert_weights == "full" ? key : key + "/" + result.expert_weights;
}

struct KeyedCase {
  std::string key;
  const CaseResult* result;
};

/// A second case of the same coordinates is told apart by its number.
std::vector<KeyedCase> keyed(const Report& report) {
  std::map<std::string, int> seen;
  std::vector<KeyedCase> cases;
  for (const CaseResult& result : report.cases) {
    const std::string key = coordinates(result);
    const int count = ++seen[key];
    cases.push_back({count == 1 ? key : fmt::format("{}#{}", key, count), &result});
  }
  return cases;
}

std::vector<double> launch_medians(const Samples& samples) {
  const std::vector<double> slowest = max_over_ranks(samples);
  std::vector<double> medians;
  for (std::int64_t launch = 0; launch < samples.num_launches; ++launch) {
    const auto first = slowest.begin() + launch * samples.num_samples;
    std::vector<double> sorted(first, first + samples.num_samples);
    std::sort(sorted.begin(), sorted.end());
    medians.push_back(quantile(sorted, 0.5));
  }
  return medians;
}

ComparedPhase compare_phase(const std::string& key, const Measurement& base, const Measurement& fresh) {
  ComparedPhase phase;
  phase.case_key = key;
  phase.phase = fresh.phase;
  phase.is_baseline = fresh.is_baseline;
  if (base.samples.seconds.empty() || fresh.samples.seconds.empty()) {
    phase.note = "no samples";
    return phase;
  }
  const bool by_launch = base.samples.num_launches > 1 && fresh.samples.num_launches > 1;
  const auto values = [&](const Samples& s) { return by_launch ? launch_medians(s) : max_over_ranks(s); };
  const RatioOfMedians ratio = ratio_of_medians(values(base.samples), values(fresh.samples));
  phase.base_median_s = summarize(base.samples).median_s;
  phase.new_median_s = summarize(fresh.samples).median_s;
  phase.ratio = ratio.ratio;
  phase.ratio_low = ratio.low;
  phase.ratio_high = ratio.high;
  if (!ratio.reached) {
    phase.note = by_launch ? "too few launches: 7 of each are needed" : "too few samples: 7 of each are needed";
  } else if (ratio.high < 1) {
    phase.verdict = Verdict::faster;
  } else if (ratio.low > 1) {
    phase.verdict = Verdict::slower;
  }
  return phase;
}

void warn_about_case(const std::string& key, const CaseResult& base, const CaseResult& fresh, Comparison& comparison) {
  if (base.routing_checksum != fresh.routing_checksum) {
    comparison.warnings.push_back(key + ": the routing is not the same in both");
  }
  for (const auto& [result, which] : {std::pair{&base, "base"}, std::pair{&fresh, "new"}}) {
    if (!result->verification.performed)
      comparison.warnings.push_back(fmt::format("{}: not verified in {}", key, which));
    if (result->verification.performed && !result->verification.passed) {
      comparison.warnings.push_back(fmt::format("{}: wrong in {}; a time of wrong results means nothing", key, which));
    }
  }
}

void compare_case(const std::string& key, const CaseResult& base, const CaseResult& fresh, Comparison& comparison) {
  warn_about_case(key, base, fresh, comparison);
  std::set<std::string> phases;
  for (const Measurement& m : fresh.measurements) {
    phases.insert(m.phase);
    const auto other = std::find_if(base.measurements.begin(), base.measurements.end(),
                                    [&](const Measurement& b) { return b.phase == m.phase; });
    if (other == base.measurements.end()) {
      comparison.only_in_new.push_back(fmt::format("{}: phase {}", key, m.phase));
    } else {
      comparison.phases.push_back(compare_phase(key, *other, m));
    }
  }
  for (const Measurement& m : base.measurements) {
    if (phases.count(m.phase) == 0) comparison.only_in_base.push_back(fmt::format("{}: phase {}", key, m.phase));
  }
}

void warn_about_reports(const Report& base, const Report& fresh, Comparison& comparison) {
  for (const auto& [report, which] : {std::pair{&base, "base"}, std::pair{&fresh, "new"}}) {
    if (report->status == "VALID") continue;
    const std::string status = report->status == "running" ? "of a run that did not end" : report->status;
    comparison.warnings.push_back(fmt::format("the {} report is {}", which, status));
  }
  if (!base.header.run_id.empty() && base.header.run_id == fresh.header.run_id) {
    comparison.warnings.emplace_back("both are reports of the same run");
  }
}

bool has_one_launch(const Report& report) {
  return std::any_of(report.cases.begin(), report.cases.end(), [](const CaseResult& result) {
    return std::any_of(result.measurements.begin(), result.measurements.end(),
                       [](const Measurement& m) { return m.samples.num_launches == 1; });
  });
}

}  // namespace

Comparison compare_reports(const Report& base, const Report& fresh) {
  Comparison comparison;
  comparison.environment_differences = environment_differences(base.header, fresh.header);
  warn_about_reports(base, fresh, comparison);
  if (has_one_launch(base) || has_one_launch(fresh)) {
    comparison.warnings.emplace_back(
        "one launch: the intervals do not cover how launches differ; pool several of each before concluding");
  }
  std::map<std::string, const CaseResult*> remaining;
  const std::vector<KeyedCase> in_base = keyed(base);
  for (const auto& [key, result] : in_base) remaining[key] = result;
  for (const auto& [key, result] : keyed(fresh)) {
    const auto found = remaining.find(key);
    const CaseResult* other = found == remaining.end() ? nullptr : found->second;
    if (other != nullptr) remaining.erase(found);
    const bool measured = result->skipped.empty();
    const bool measured_in_base = other != nullptr && other->skipped.empty();
    if (measured && measured_in_base) {
      compare_case(key, *other, *result, comparison);
    } else if (measured) {
      comparison.only_in_new.push_back(other == nullptr ? key : key + " (skipped in base: " + other->skipped + ")");
    } else if (measured_in_base) {
      comparison.only_in_base.push_back(key + " (skipped in new: " + result->skipped + ")");
    } else if (other == nullptr) {
      comparison.only_in_new.push_back(key + " (skipped: " + result->skipped + ")");
    }
  }
  for (const auto& [key, result] : in_base) {
    if (remaining.count(key) == 0) continue;
    comparison.only_in_base.push_back(result->skipped.empty() ? key : key + " (skipped: " + result->skipped + ")");
  }
  return comparison;
}

}  // namespace moeperf
