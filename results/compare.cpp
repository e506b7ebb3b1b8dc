#include "results/compare.hpp"

#include "results/compare_environment.hpp"
#include "results/compare_match.hpp"
#include "results/compare_warnings.hpp"
#include "results/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace moeperf {
namespace {

Verdict verdict_of(const RatioOfMedians& ratio) {
  if (ratio.low >= 1 - same_within && ratio.high <= 1 + same_within) return Verdict::same;
  if (ratio.high < 1) return Verdict::faster;
  return ratio.low > 1 ? Verdict::slower : Verdict::cannot_tell;
}

ComparedPart compare_meter(const std::string& key, const MeterSeries& base, const MeterSeries& fresh) {
  ComparedPart part;
  part.case_key = key;
  part.part = fresh.meter;
  part.is_meter = true;
  part.unit = fresh.unit;
  if (base.unit != fresh.unit || base.across_ranks != fresh.across_ranks) {
    part.reason = "defined otherwise in base";
    return part;
  }
  if (base.samples.values.empty() || fresh.samples.values.empty()) {
    part.reason = "no samples";
    return part;
  }
  const RatioOfMedians ratio = ratio_of_medians(over_ranks(base), over_ranks(fresh));
  part.base_median = summarize(base).median_s;
  part.new_median = summarize(fresh).median_s;
  part.ratio = ratio.ratio;
  part.ratio_low = ratio.low;
  part.ratio_high = ratio.high;
  if (!ratio.reached) part.reason = "too few samples: 7 of each are needed";
  if (!std::isfinite(ratio.high)) part.reason = "the base may be 0";
  return part;
}

ComparedPart compare_part(const std::string& key, const Measurement& base, const Measurement& fresh) {
  ComparedPart part;
  part.case_key = key;
  part.part = fresh.part;
  part.role = fresh.role;
  if (!has_valid(base.samples) || !has_valid(fresh.samples)) {
    part.reason = "no samples";
    return part;
  }
  const bool by_launch = base.samples.num_launches() > 1 && fresh.samples.num_launches() > 1;
  const auto values = [&](const Samples& s) { return by_launch ? launch_medians(s) : max_over_ranks(s); };
  const RatioOfMedians ratio = ratio_of_medians(values(base.samples), values(fresh.samples));
  part.base_median = summarize(base.samples).median_s;
  part.new_median = summarize(fresh.samples).median_s;
  part.ratio = ratio.ratio;
  part.ratio_low = ratio.low;
  part.ratio_high = ratio.high;
  if (!std::isfinite(ratio.high)) {
    part.reason = "the base may have taken no time";
  } else if (!ratio.reached) {
    part.reason = by_launch ? "too few launches: 7 of each are needed" : "too few samples: 7 of each are needed";
  } else {
    part.verdict = verdict_of(ratio);
  }
  return part;
}

void compare_case(const std::string& key, const CaseResult& base, const CaseResult& fresh, Comparison& comparison) {
  std::set<std::string> parts;
  for (const Measurement& m : fresh.measurements) {
    parts.insert(m.part);
    const auto other = std::find_if(base.measurements.begin(), base.measurements.end(),
                                    [&](const Measurement& b) { return b.part == m.part; });
    if (other == base.measurements.end()) {
      comparison.only_in_new.push_back(fmt::format("{}: part {}", key, m.part));
    } else {
      comparison.parts.push_back(compare_part(key, *other, m));
    }
  }
  for (const Measurement& m : base.measurements) {
    if (parts.count(m.part) == 0) comparison.only_in_base.push_back(fmt::format("{}: part {}", key, m.part));
  }
  for (const MeterSeries& meter : fresh.meters) {
    for (const MeterSeries& other : base.meters) {
      if (other.meter == meter.meter) comparison.parts.push_back(compare_meter(key, other, meter));
    }
  }
}

std::string with_reason(const std::string& key, const CaseResult& result) {
  return result.skip_reason.empty() ? key : key + " (skipped: " + result.skip_reason + ")";
}

}  // namespace

Comparison compare_reports(const Report& base, const Report& fresh) {
  Comparison comparison;
  comparison.environment_differences = environment_differences(base.header(), fresh.header());
  const MatchedCases matched = match_cases(base, fresh);
  for (const auto& [key, old, now] : matched.pairs) {
    if (old->skip_reason.empty() && now->skip_reason.empty()) {
      compare_case(key, *old, *now, comparison);
    } else if (now->skip_reason.empty()) {
      comparison.only_in_new.push_back(key + " (skipped in base: " + old->skip_reason + ")");
    } else if (old->skip_reason.empty()) {
      comparison.only_in_base.push_back(key + " (skipped in new: " + now->skip_reason + ")");
    }
  }
  for (const auto& [key, result] : matched.only_in_base) comparison.only_in_base.push_back(with_reason(key, *result));
  for (const auto& [key, result] : matched.only_in_new) comparison.only_in_new.push_back(with_reason(key, *result));
  comparison.warnings = comparison_warnings(base, fresh, matched, comparison.parts);
  return comparison;
}

std::int64_t num_compared(const Comparison& comparison) {
  return std::count_if(comparison.parts.begin(), comparison.parts.end(),
                       [](const ComparedPart& part) { return part.role == Role::measured && !part.is_meter; });
}

std::int64_t num_compared(const Comparison& comparison, Verdict verdict) {
  return std::count_if(comparison.parts.begin(), comparison.parts.end(), [&](const ComparedPart& part) {
    return part.role == Role::measured && !part.is_meter && part.verdict == verdict;
  });
}

}  // namespace moeperf
