#include "results/ranking.hpp"

#include "results/statistics.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

std::string case_name(const CaseResult& c) {
  std::string name =
      fmt::format("{}/{}/{}/{}/tokens={}", c.workload, c.phase_kind, c.scheme, c.kernel, c.tokens_per_rank);
  if (!c.traffic.empty()) name += "/" + c.traffic;
  if (c.wire != "-" && c.wire != c.dtype) name += "/wire=" + c.wire;
  return name;
}

/// The best one, with those that it cannot be told from.
std::string best_line(const CaseResult& c, const std::vector<RankedPhase>& ranked) {
  std::string line = fmt::format("best_dispatcher[{}] = {}", case_name(c), ranked.front().phase);
  std::string equals;
  for (std::size_t i = 1; i < ranked.size(); ++i) {
    if (!ranked[i].surely_slower()) equals += (equals.empty() ? "" : ", ") + ranked[i].phase;
  }
  return line + (equals.empty() ? "" : " (cannot tell from " + equals + ")") + "\n";
}

}  // namespace

std::vector<RankedPhase> ranking(const CaseResult& result) {
  std::vector<RankedPhase> ranked;
  std::vector<const Measurement*> measured;
  for (const Measurement& m : result.measurements) {
    if (!m.samples.seconds.empty() && m.role == Role::measured) measured.push_back(&m);
  }
  const auto median = [](const Measurement* m) { return summarize(m->samples).median_s; };
  std::stable_sort(measured.begin(), measured.end(),
                   [&](const Measurement* a, const Measurement* b) { return median(a) < median(b); });
  for (const Measurement* m : measured) {
    RankedPhase phase{m->phase, median(m), 1, std::nullopt, std::nullopt};
    if (m != measured.front()) {
      const RatioOfMedians ratio =
          ratio_of_medians(max_over_ranks(measured.front()->samples), max_over_ranks(m->samples));
      phase.ratio = ratio.ratio;
      if (ratio.reached) {
        phase.low = ratio.low;
        phase.high = ratio.high;
      }
    }
    ranked.push_back(std::move(phase));
  }
  return ranked;
}

std::string tuning_text(const std::vector<CaseResult>& cases) {
  TextTable table{{"workload", "phase", "tokens", "scheme", "wire", "dispatcher", "round trip", "over best", ""},
                  {"", "", "per rank", "", "", "", "us", "[95 % CI]", ""},
                  {false, false, true, false, false, false, true, true, false},
                  {}};
  std::string best;
  for (const CaseResult& c : cases) {
    if (c.benchmark != "tune") continue;
    const std::vector<RankedPhase> ranked = ranking(c);
    for (const RankedPhase& phase : ranked) {
      const bool is_best = &phase == &ranked.front();
      std::string ratio = is_best ? "1" : fmt::format("{:.3f} [?]", phase.ratio);
      if (phase.low) ratio = fmt::format("{:.3f} [{:.3f},{:.3f}]", phase.ratio, *phase.low, *phase.high);
      table.rows.push_back({c.workload, c.phase_kind, c.tokens_per_rank, c.scheme, c.wire, phase.phase,
                            short_number(1e6 * phase.median_s), ratio,
                            is_best                 ? "BEST"
                            : phase.surely_slower() ? "SLOWER"
                                                    : "CANNOT TELL"});
    }
    if (!ranked.empty()) best += best_line(c, ranked);
    const auto left_out = c.notes.find("left_out");
    if (left_out != c.notes.end()) best += wrapped("# left out: ", {one_line(left_out->second)}, "; ");
  }
  if (table.rows.empty()) return {};
  return "#\n# Tuning: dispatch and combine of each dispatcher, sampled in turn; its time over the best one's.\n#\n" +
         table.text("# ", "# ") + "#\n" + best;
}

}  // namespace moeperf
