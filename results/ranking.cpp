#include "results/ranking.hpp"

#include "results/case_columns.hpp"
#include "results/case_key.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

/// The best one, one name that a script can take, and after it what cannot be told from it.
std::string best_lines(const std::string& key, const std::vector<RankedPart>& ranked) {
  std::string equals;
  for (std::size_t i = 1; i < ranked.size(); ++i) {
    if (!ranked[i].surely_slower()) equals += (equals.empty() ? "" : ", ") + ranked[i].part;
  }
  return fmt::format("best_dispatcher[{}] = {}\n", one_line(key), ranked.front().part) +
         (equals.empty() ? "" : hanging("# cannot tell from: ", "#   ", equals));
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

std::string tuning_text(const std::vector<CaseResult>& cases) {
  TextTable table{
      {"dispatcher", "round trip", "over best", ""}, {"", "us", "[95 % CI]", ""}, {false, true, true, false}, {}};
  std::vector<const CaseResult*> tuned, rows;
  for (const CaseResult& c : cases) {
    if (c.benchmark == "tune") tuned.push_back(&c);
  }
  const std::vector<std::string> keys = unique_case_keys(tuned, {"benchmark"});
  std::string best;
  for (std::size_t i = 0; i < tuned.size(); ++i) {
    const std::vector<RankedPart> ranked = ranking(*tuned[i]);
    for (const RankedPart& part : ranked) {
      const bool is_best = &part == &ranked.front();
      rows.push_back(tuned[i]);
      table.rows.push_back({part.part, short_number(1e6 * part.median_s), is_best ? "1" : interval_text(part.over_best),
                            is_best                ? "BEST"
                            : part.surely_slower() ? "SLOWER"
                                                   : "CANNOT TELL"});
    }
    if (!ranked.empty()) best += best_lines(keys[i], ranked);
    const auto left_out = tuned[i]->notes.find("left_out");
    if (left_out != tuned[i]->notes.end()) best += hanging("# left out: ", "#   ", one_line(left_out->second));
  }
  if (table.rows.empty()) return {};
  add_case_columns(table, rows, {"workload", "phase", "tokens", "scheme", "wire"});
  return "#\n# Tuning: dispatch and combine of each dispatcher, sampled in turn; its time over the best one's.\n#\n" +
         table.text("# ", "# ") + "#\n" + best;
}

}  // namespace moeperf
