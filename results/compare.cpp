#include "results/compare.hpp"

#include "results/compare_environment.hpp"
#include "results/compare_match.hpp"
#include "results/compare_warnings.hpp"
#include "results/derived.hpp"
#include "results/exact_tests.hpp"
#include "results/launch_order.hpp"
#include "results/merit_comparison.hpp"
#include "results/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace moeperf {
namespace {

bool is_counted(const ComparedPart& part) { return part.role == Role::measured && !part.is_meter; }
/// Of those that are tested together.
bool is_judged(const ComparedPart& part) { return is_counted(part) && part.reason.empty(); }

constexpr double significant = 0.05;
/// A case's baselines count as moved beyond this, with same_within.
constexpr double baselines_moved = 0.01;

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
  part.has_interval = ratio.reached && std::isfinite(ratio.high);
  if (!ratio.reached) part.reason = "too few samples: 7 of each are needed";
  if (!std::isfinite(ratio.high)) part.reason = "the base may be 0";
  return part;
}

ComparedPart compare_part(const std::string& key, const CaseResult& base, const CaseResult& fresh,
                          const Measurement& part, Design design, bool same_machine) {
  const LaunchEffect effect = effect_of(base, fresh, part.part, design, same_machine);
  return {.case_key = key,
          .part = part.part,
          .base_median = effect.base_median,
          .new_median = effect.new_median,
          .ratio = effect.ratio,
          .ratio_low = effect.low,
          .ratio_high = effect.high,
          .has_interval = effect.reached,
          .p = effect.p,
          .base_launches = effect.base_launches,
          .new_launches = effect.new_launches,
          .beside_baselines = effect.beside_baselines,
          .role = part.role,
          .resource = resource_of(fresh, part),
          .reason = effect.reason};
}

/// Why the launches of a case cannot tell how its parts differ: its baselines moved, which no change of what is
/// measured does.
std::string why_unequal_machines(const CaseResult& base, const CaseResult& fresh, Design design) {
  const LaunchEffect moved = effect_of_baselines(base, fresh, design);
  if (moved.p > baselines_moved || std::abs(moved.ratio - 1) <= same_within) return "";
  return fmt::format("its baselines on the same hosts moved, too: x{:.3f}", moved.ratio);
}

/// Parts of one family: `tests` of them.
void judge(ComparedPart& part, std::int64_t tests, const std::string& why_not, Design design) {
  if (!part.reason.empty()) return;
  const std::int64_t needed = launches_needed(significant / static_cast<double>(tests), design);
  if (std::min(part.base_launches, part.new_launches) < needed) {
    part.reason =
        fmt::format("{} and {} launches: it takes {} of each to tell", part.base_launches, part.new_launches, needed);
  } else if (!why_not.empty()) {
    part.reason = why_not;
  } else if (part.ratio_low >= 1 - same_within && part.ratio_high <= 1 + same_within) {
    part.verdict = Verdict::same;
  } else if (part.p <= significant) {
    part.verdict = part.ratio < 1 ? Verdict::faster : Verdict::slower;
  } else {
    // The interval shrinks as the square root of their number.
    const double wanted = std::max(std::abs(std::log(part.ratio)), same_within);
    const double excess = std::log(part.ratio_high / part.ratio_low) / 2 / wanted;
    const double launches = std::ceil(static_cast<double>(std::min(part.base_launches, part.new_launches)) *
                                      std::max(excess * excess, 1.25));
    part.reason = fmt::format("about {:.0f} launches of each would tell", launches);
  }
}

void compare_case(const CasePair& pair, Design design, bool same_machine, Comparison& comparison) {
  const CaseResult &base = *pair.base, &fresh = *pair.fresh;
  std::set<std::string> parts;
  const std::string moved = same_machine ? why_unequal_machines(base, fresh, design) : "";
  for (const Measurement& m : fresh.measurements) {
    parts.insert(m.part);
    const bool in_base = std::any_of(base.measurements.begin(), base.measurements.end(),
                                     [&](const Measurement& b) { return b.part == m.part; });
    if (!in_base) {
      comparison.only_in_new.push_back(fmt::format("{}: part {}", pair.key, m.part));
      continue;
    }
    comparison.parts.push_back(compare_part(pair.key, base, fresh, m, design, same_machine));
    if (m.role == Role::measured && comparison.parts.back().reason.empty()) comparison.parts.back().reason = moved;
  }
  for (const Measurement& m : base.measurements) {
    if (parts.count(m.part) == 0) comparison.only_in_base.push_back(fmt::format("{}: part {}", pair.key, m.part));
  }
  for (const MeterSeries& meter : fresh.meters) {
    for (const MeterSeries& other : base.meters) {
      if (other.meter == meter.meter) comparison.parts.push_back(compare_meter(pair.key, other, meter));
    }
  }
}

/// Measured parts are one family; each baseline is asked by itself.
void judge_all(Comparison& comparison, const std::string& why_not, Design design) {
  std::vector<double> p;
  for (const ComparedPart& part : comparison.parts) {
    if (is_judged(part)) p.push_back(part.p);
  }
  const std::vector<double> adjusted = holm(p);
  std::size_t next = 0;
  for (ComparedPart& part : comparison.parts) {
    if (part.is_meter) continue;
    if (is_judged(part)) part.p = adjusted[next++];
    judge(part, part.role == Role::measured ? static_cast<std::int64_t>(p.size()) : 1, why_not, design);
  }
}

std::string with_reason(const std::string& key, const CaseResult& result) {
  return result.skip_reason.empty() ? key : key + " (skipped: " + result.skip_reason + ")";
}

}  // namespace

Comparison compare_reports(const Report& base, const Report& fresh, Design design) {
  Comparison comparison;
  comparison.environment_differences = environment_differences(base.header(), fresh.header());
  const MatchedCases matched = match_cases(base, fresh);
  const bool same_machine = is_same_machine(base.header(), fresh.header());
  for (const CasePair& pair : matched.pairs) {
    const auto& [key, old, now] = pair;
    if (old->skip_reason.empty() && now->skip_reason.empty()) {
      compare_case(pair, design, same_machine, comparison);
    } else if (now->skip_reason.empty()) {
      comparison.only_in_new.push_back(key + " (skipped in base: " + old->skip_reason + ")");
    } else if (old->skip_reason.empty()) {
      comparison.only_in_base.push_back(key + " (skipped in new: " + now->skip_reason + ")");
    }
  }
  for (const auto& [key, result] : matched.only_in_base) comparison.only_in_base.push_back(with_reason(key, *result));
  for (const auto& [key, result] : matched.only_in_new) comparison.only_in_new.push_back(with_reason(key, *result));
  const bool alternate = design == Design::pairs || num_alternations(base, fresh) >= enough_alternations;
  judge_all(
      comparison,
      same_machine && !alternate ? "the launches of the two on the same hosts did not alternate (moeperf ab does)" : "",
      design);
  comparison.merits = compare_merits(base, fresh, matched.pairs, comparison.parts);
  comparison.warnings = comparison_warnings(base, fresh, matched, comparison.parts);
  return comparison;
}

std::int64_t num_compared(const Comparison& comparison) {
  return std::count_if(comparison.parts.begin(), comparison.parts.end(), is_counted);
}

std::int64_t num_compared(const Comparison& comparison, Verdict verdict) {
  return std::count_if(comparison.parts.begin(), comparison.parts.end(),
                       [&](const ComparedPart& part) { return is_counted(part) && part.verdict == verdict; });
}

}  // namespace moeperf
