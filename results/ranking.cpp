#include "results/ranking.hpp"

#include "results/case_columns.hpp"
#include "results/case_key.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

/// The best one, one name that a script can take, and after it what cannot be told from it and what was left out.
Figure best(const std::string& key, const std::vector<RankedPart>& ranked, const CaseResult& result) {
  Figure figure{"best_dispatcher", key, ranked.front().part, ""};
  std::string equals;
  for (std::size_t i = 1; i < ranked.size(); ++i) {
    if (!ranked[i].surely_slower()) equals += (equals.empty() ? "" : ", ") + ranked[i].part;
  }
  if (!equals.empty()) figure.remarks.push_back("cannot tell from: " + equals);
  const auto left_out = result.notes.find("left_out");
  if (left_out != result.notes.end()) figure.remarks.push_back("left out: " + left_out->second);
  return figure;
}

}  // namespace

std::vector<RankedPart> ranking(const CaseResult& result) {
  std::vector<RankedPart> ranked;
  std::vector<const Measurement*> measured;
  for (const Measurement& m : result.measurements) {
    if (has_valid(m.samples) && m.role == Role::measured) measured.push_back(&m);
  }
  const auto median = [](const Measurement* m) { return summarize(m->samples).median_s; };
  std::stable_sort(measured.begin(), measured.end(),
                   [&](const Measurement* a, const Measurement* b) { return median(a) < median(b); });
  for (const Measurement* m : measured) {
    RankedPart part{m->part, median(m), {}};
    if (m != measured.front()) {
      part.over_best = ratio_of_medians(max_over_ranks(measured.front()->samples), max_over_ranks(m->samples));
    }
    ranked.push_back(std::move(part));
  }
  return ranked;
}

TitledTable tuning_table(const Report& report) {
  TitledTable table{"Tuning",
                    "dispatch and combine of each dispatcher, sampled in turn; its time over the best one's.",
                    {{"dispatcher", "", false}, {"round trip", "us"}, {"over best", "[95 % CI]"}, {"", "", false}},
                    {}};
  std::vector<const CaseResult*> tuned, rows;
  for (const CaseResult& c : report.cases) {
    if (c.on("benchmark") == "tune") tuned.push_back(&c);
  }
  const std::vector<std::string> keys = unique_case_keys(report.header().axes, tuned, {"benchmark"});
  for (std::size_t i = 0; i < tuned.size(); ++i) {
    const std::vector<RankedPart> ranked = ranking(*tuned[i]);
    for (const RankedPart& part : ranked) {
      const bool is_best = &part == &ranked.front();
      rows.push_back(tuned[i]);
      table.rows.push_back({part.part, number_cell(1e6 * part.median_s),
                            is_best ? Cell(1.0, "1") : Cell(part.over_best.ratio, interval_text(part.over_best)),
                            is_best                ? "BEST"
                            : part.surely_slower() ? "SLOWER"
                                                   : "CANNOT TELL"});
    }
    if (!ranked.empty()) table.figures.push_back(best(keys[i], ranked, *tuned[i]));
  }
  add_case_columns(table, report.header().axes, rows, {"workload", "phase", "tokens", "scheme", "wire"});
  return table;
}

}  // namespace moeperf
