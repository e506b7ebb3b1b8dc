#include "results/findings.hpp"

#include "kernels/base/counted.hpp"
#include "results/case_key.hpp"
#include "results/host_list.hpp"
#include "results/statistics.hpp"
#include "results/stragglers.hpp"
#include "results/text.hpp"
#include "results/verdict.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace moeperf {
namespace {

void find_end(const Report& report, std::vector<std::string>& found) {
  const std::string& ended_early = report.launches.back().ended_early;
  if (!ended_early.empty()) {
    found.push_back(fmt::format("the run ended early, with {}: {}", cases_text(report), ended_early));
  } else if (report.status == "running") {
    found.push_back(fmt::format("the run goes on or was killed: {} so far", cases_text(report)));
  }
}

/// One finding for each reason, with the first case that it kept from running.
void find_skips(const Report& report, std::vector<std::string>& found) {
  struct Skip {
    std::string reason, first;
    std::int64_t num_cases;
  };
  std::vector<Skip> skips;
  const auto add = [&](const std::string& reason, const std::string& what) {
    const auto same = std::find_if(skips.begin(), skips.end(), [&](const Skip& s) { return s.reason == reason; });
    if (same == skips.end()) {
      skips.push_back({reason, what, 1});
    } else {
      ++same->num_cases;
    }
  };
  for (const CaseResult& result : report.cases) {
    const auto left_out = result.notes.find("left_out_though_named");
    if (result.should_run && !result.skip_reason.empty())
      add(result.skip_reason, case_key(report.header().axes, result));
    if (left_out != result.notes.end()) add(left_out->second, "part of " + case_key(report.header().axes, result));
  }
  for (const Skip& skip : skips) {
    const std::string more = skip.num_cases > 1 ? fmt::format(" and {} more", skip.num_cases - 1) : "";
    found.push_back(fmt::format("asked for, but skipped: {}{}: {}", skip.first, more, skip.reason));
  }
}

void find_missed_targets(const std::vector<CaseResult>& cases, std::vector<std::string>& found) {
  constexpr double tolerated = 0.1;
  for (const CaseResult& result : cases) {
    const auto target = result.metrics.find("traffic_target_maxvio");
    const auto reached = result.metrics.find("traffic_reached_maxvio");
    if (target == result.metrics.end() || reached == result.metrics.end()) continue;
    if (std::abs(reached->second - target->second) <= tolerated * target->second) continue;
    const std::string text =
        fmt::format("traffic '{}' of {} {} misses its target: MaxVio {} instead of traffic.target_maxvio = {}",
                    result.on("traffic"), result.on("workload"), result.on("phase"), short_number(reached->second, 3),
                    short_number(target->second, 3));
    if (std::find(found.begin(), found.end(), text) == found.end()) found.push_back(text);
  }
}

/// The widest interval among a case's measured parts, relative to the median.
struct Noise {
  double half_width = 0;
  std::string part;
  bool has_interval = true;  ///< of every measured part
};

Noise noise_of(const CaseResult& result) {
  Noise noise;
  for (const Measurement& m : result.measurements) {
    if (m.role != Role::measured || !has_valid(m.samples)) continue;
    const Summary summary = summarize(m.samples);
    if (!summary.ci95_reached) noise.has_interval = false;
    if (!summary.ci95_reached || summary.median_s <= 0) continue;
    const double half_width = (summary.ci95_high_s - summary.ci95_low_s) / 2 / summary.median_s;
    if (half_width <= noise.half_width) continue;
    noise.half_width = half_width;
    noise.part = m.part;
  }
  return noise;
}

void find_noise(const Report& report, std::vector<std::string>& found) {
  std::int64_t measured = 0, noisy = 0, short_of_samples = 0;
  Noise worst;
  std::string worst_key;
  for (const CaseResult& result : report.cases) {
    if (!result.skip_reason.empty()) continue;
    const Noise noise = noise_of(result);
    ++measured;
    noisy += noise.half_width > noisy_above ? 1 : 0;
    short_of_samples += noise.has_interval ? 0 : 1;
    if (noise.half_width <= worst.half_width) continue;
    worst = noise;
    worst_key = case_key(report.header().axes, result);
  }
  const std::size_t launches = report.launches.size();
  if (noisy > 0) {
    // An interval shrinks as the square root of what it is made of.
    const double excess = worst.half_width / noisy_above;
    const std::string mend = launches > 1
                                 ? fmt::format("about {:.0f} more launches would reach that (--append)",
                                               std::ceil(static_cast<double>(launches) * (excess * excess - 1)))
                                 : "take more samples (--max-time, --min-samples)";
    found.push_back(fmt::format(
        "{} of {} noisy, with an interval wider than +-{:.0f} %; the worst has +-{:.1f} %: {}, part {}. Quieten the "
        "machine, bind the ranks, or {}",
        noisy, counted(measured, "case") + (noisy == 1 ? " is" : " are"), 100 * noisy_above, 100 * worst.half_width,
        worst_key, worst.part, mend));
  }
  if (short_of_samples > 0) {
    found.push_back(fmt::format("{} of {} without an interval: it takes {}", short_of_samples,
                                counted(measured, "case") + (short_of_samples == 1 ? " is" : " are"),
                                launches > 1 ? "6 launches (--append)" : "6 samples (-n, --min-samples)"));
  }
}

void find_slow_ranks(const Report& report, std::vector<std::string>& found) {
  const std::vector<Straggler> stragglers = find_stragglers(report);
  constexpr std::size_t max_named = 5;
  for (std::size_t i = 0; i < std::min(stragglers.size(), max_named); ++i) {
    const Straggler& s = stragglers[i];
    found.push_back(fmt::format(
        "rank {} on {} is slow: {:.2f}x the other ranks' time for the same work, last in {:.0f} % of {} (p {:.0e})",
        s.rank, s.host, s.slower, 100 * s.last_in, counted(s.num_spells, "spell"), std::max(s.p, 1e-99)));
  }
  if (stragglers.size() > max_named)
    found.push_back(fmt::format("{} more ranks are slow", stragglers.size() - max_named));
  if (const auto hosts = exclude_list(report, stragglers); !hosts.empty())
    found.push_back(fmt::format("without the slow ranks' nodes: --exclude={}", fmt::join(compressed(hosts), ",")));
}

}  // namespace

std::vector<std::string> findings(const Report& report) {
  std::vector<std::string> found = environment_findings(report.header());
  find_end(report, found);
  find_skips(report, found);
  find_missed_targets(report.cases, found);
  find_noise(report, found);
  find_slow_ranks(report, found);
  return found;
}

}  // namespace moeperf
