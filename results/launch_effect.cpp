#include "results/launch_effect.hpp"

#include "results/exact_tests.hpp"
#include "results/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace moeperf {
namespace {

using Medians = std::vector<std::optional<double>>;  ///< of each launch

const Measurement* find_part(const CaseResult& result, const std::string& part) {
  const auto found = std::find_if(result.measurements.begin(), result.measurements.end(),
                                  [&](const Measurement& m) { return m.part == part; });
  return found == result.measurements.end() ? nullptr : &*found;
}

/// Sums of the parts' medians; none where a launch lacks one of them.
Medians sums_by_launch(const CaseResult& result, const std::vector<std::string>& parts) {
  Medians sums;
  for (const std::string& part : parts) {
    const Measurement* m = find_part(result, part);
    if (m == nullptr) return {};
    const Medians medians = medians_by_launch(m->samples);
    if (sums.empty()) sums.assign(medians.size(), 0.0);
    for (std::size_t launch = 0; launch < sums.size(); ++launch) {
      sums[launch] = sums[launch] && medians[launch] ? std::optional(*sums[launch] + *medians[launch]) : std::nullopt;
    }
  }
  return sums;
}

/// One launch, or the difference of a pair of them: logarithms of the part's time and of its baselines'.
struct Point {
  double time = 0, baseline = 0;
};
using Points = std::vector<Point>;

/// Of the launches that have both; without baselines these are 1.
std::vector<std::optional<Point>> points_of(const Medians& times, const Medians& baselines) {
  std::vector<std::optional<Point>> points(times.size());
  for (std::size_t launch = 0; launch < times.size(); ++launch) {
    if (!times[launch] || (!baselines.empty() && !baselines[launch])) continue;
    points[launch] = {std::log(*times[launch]), baselines.empty() ? 0 : std::log(*baselines[launch])};
  }
  return points;
}

/// How much a part's time moves with its baselines' (a slope of logarithms, by least squares), around `centre`. It is the
/// same whichever launch belongs to which side, so that the exact tests stay exact on what it leaves.
double slope(const Points& points, Point centre) {
  double with = 0, of_baseline = 0;
  for (const Point& p : points) {
    with += (p.baseline - centre.baseline) * (p.time - centre.time);
    of_baseline += (p.baseline - centre.baseline) * (p.baseline - centre.baseline);
  }
  return of_baseline > 0 ? with / of_baseline : 0;
}

Point mean_of(const Points& points) {
  Point mean;
  for (const Point& p : points) {
    mean.time += p.time / static_cast<double>(points.size());
    mean.baseline += p.baseline / static_cast<double>(points.size());
  }
  return mean;
}

/// What the baselines do not explain.
std::vector<double> rest(const Points& points, double slope) {
  std::vector<double> values;
  for (const Point& p : points) values.push_back(p.time - slope * p.baseline);
  return values;
}

template <class T>
std::vector<T> there(const std::vector<std::optional<T>>& some) {
  std::vector<T> values;
  for (const auto& one : some) {
    if (one) values.push_back(*one);
  }
  return values;
}

std::vector<double> sorted(const Medians& medians) {
  std::vector<double> values = there(medians);
  std::sort(values.begin(), values.end());
  return values;
}

LaunchEffect effect_of(const Medians& base_times, const Medians& new_times, const Medians& base_baselines,
                       const Medians& new_baselines, Design design) {
  const std::vector<double> before = sorted(base_times), after = sorted(new_times);
  LaunchEffect effect{.base_launches = static_cast<std::int64_t>(before.size()),
                      .new_launches = static_cast<std::int64_t>(after.size())};
  if (before.empty() || after.empty()) return {.reason = "no samples"};
  effect.base_median = quantile(before, 0.5);
  effect.new_median = quantile(after, 0.5);
  if (before.front() <= 0 || after.front() <= 0) {
    effect.reason = "it may have taken no time";
    return effect;
  }
  const auto are_positive = [](const Medians& medians) {
    const std::vector<double> values = sorted(medians);
    return !values.empty() && values.front() > 0;
  };
  effect.beside_baselines = are_positive(base_baselines) && are_positive(new_baselines);
  const Medians none;
  const auto base = points_of(base_times, effect.beside_baselines ? base_baselines : none);
  const auto fresh = points_of(new_times, effect.beside_baselines ? new_baselines : none);
  Shift shift;
  if (design == Design::pairs) {
    Points differences;
    for (std::size_t i = 0; i < std::min(base.size(), fresh.size()); ++i) {
      if (base[i] && fresh[i])
        differences.push_back({fresh[i]->time - base[i]->time, fresh[i]->baseline - base[i]->baseline});
    }
    effect.base_launches = effect.new_launches = static_cast<std::int64_t>(differences.size());
    const std::vector<double> left = rest(differences, slope(differences, {}));
    shift = shift_of_pairs(left);
    effect.p = signed_rank_p(left);
  } else {
    const Points old = there(base), now = there(fresh);
    Points all = old;
    all.insert(all.end(), now.begin(), now.end());
    const double of_all = slope(all, mean_of(all));
    shift = shift_between(rest(old, of_all), rest(now, of_all));
    effect.p = rank_sum_p(rest(old, of_all), rest(now, of_all));
  }
  effect.ratio = std::exp(shift.shift);
  effect.low = std::exp(shift.low);
  effect.high = std::exp(shift.high);
  effect.reached = shift.reached;
  return effect;
}

/// Of other work it is another baseline.
bool is_same_baseline(const Measurement& base, const Measurement& fresh) {
  return base.role == Role::baseline && base.work == fresh.work;
}

std::vector<std::string> baselines_in_both(const CaseResult& base, const CaseResult& fresh) {
  std::vector<std::string> names;
  for (const Measurement& m : fresh.measurements) {
    const Measurement* other = find_part(base, m.part);
    if (m.role == Role::baseline && other != nullptr && is_same_baseline(*other, m)) names.push_back(m.part);
  }
  return names;
}

}  // namespace

LaunchEffect effect_of(const CaseResult& base, const CaseResult& fresh, const std::string& part, Design design,
                       bool beside_baselines) {
  std::vector<std::string> baselines;
  const Measurement &before = *find_part(base, part), &after = *find_part(fresh, part);
  const std::vector<std::string> shared = baselines_in_both(base, fresh);
  const bool are_shared = std::all_of(after.baselines.begin(), after.baselines.end(), [&](const std::string& name) {
    return std::find(shared.begin(), shared.end(), name) != shared.end();
  });
  if (beside_baselines && are_shared && before.baselines == after.baselines) baselines = after.baselines;
  return effect_of(medians_by_launch(before.samples), medians_by_launch(after.samples), sums_by_launch(base, baselines),
                   sums_by_launch(fresh, baselines), design);
}

LaunchEffect effect_of_baselines(const CaseResult& base, const CaseResult& fresh, Design design) {
  const std::vector<std::string> baselines = baselines_in_both(base, fresh);
  if (baselines.empty()) return {};
  return effect_of(sums_by_launch(base, baselines), sums_by_launch(fresh, baselines), {}, {}, design);
}

std::int64_t launches_needed(double p, Design design) {
  std::int64_t launches = 1;
  while ((design == Design::pairs ? least_signed_rank_p(launches) : least_rank_sum_p(launches, launches)) > p)
    ++launches;
  return launches;
}

}  // namespace moeperf
