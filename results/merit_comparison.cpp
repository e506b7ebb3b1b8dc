#include "results/merit_comparison.hpp"

#include "results/comparison_table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeperf {
namespace {

double over(std::int64_t a, std::int64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

}  // namespace

std::vector<ComparedMerit> compare_merits(const Report& base, const Report& fresh, const std::vector<CasePair>& pairs,
                                          const std::vector<ComparedPart>& parts) {
  std::vector<ComparedMerit> merits;
  const ReportHeader &before = base.header(), &now = fresh.header();
  for (const CasePair& pair : pairs) {
    const auto layer = std::find_if(parts.begin(), parts.end(), [&](const ComparedPart& part) {
      return part.case_key == pair.key && part.resource == "layer" && !part.is_meter;
    });
    if (layer == parts.end() || layer->base_median <= 0 || layer->new_median <= 0) continue;
    ComparedMerit merit;
    merit.case_key = pair.key;
    merit.base_tokens_per_s = static_cast<double>(pair.base->tokens_global) / layer->base_median;
    merit.new_tokens_per_s = static_cast<double>(pair.fresh->tokens_global) / layer->new_median;
    const double tokens = over(pair.fresh->tokens_global, pair.base->tokens_global);
    merit.ratio = tokens / layer->ratio;
    merit.ratio_low = tokens / layer->ratio_high;
    merit.ratio_high = tokens / layer->ratio_low;
    merit.has_interval = layer->has_interval;
    merit.per_rank = merit.ratio * over(before.num_ranks, now.num_ranks);
    merit.per_node = merit.ratio * over(before.num_nodes, now.num_nodes);
    merit.verdict = layer->verdict;
    merit.reason = layer->reason;
    if (pair.base->tokens_global * now.num_ranks != pair.fresh->tokens_global * before.num_ranks) {
      merit.verdict = Verdict::cannot_tell;
      merit.reason = "other numbers of tokens per rank";
    }
    merits.push_back(std::move(merit));
  }
  return merits;
}

TitledTable merit_table(const Comparison& comparison) {
  TitledTable table{
      "Figures of merit",
      "tokens per second of the layer, new over base: above 1 is faster; of the whole system, per rank and\n"
      "per node. The verdict is that of the time, per rank.",
      {{"verdict", "", false},
       {"ratio", "new/base"},
       {"95 % CI", ""},
       {"per rank", ""},
       {"per node", ""},
       {"base", "tok/s"},
       {"new", "tok/s"},
       {"case", "", false}},
      {}};
  for (const ComparedMerit& m : comparison.merits) {
    table.rows.push_back({name(m.verdict),
                          {m.ratio, fmt::format("{:.3f}", m.ratio)},
                          m.has_interval ? fmt::format("{:.3f}-{:.3f}", m.ratio_low, m.ratio_high) : "-",
                          {m.per_rank, fmt::format("{:.3f}", m.per_rank)},
                          {m.per_node, fmt::format("{:.3f}", m.per_node)},
                          number_cell(m.base_tokens_per_s),
                          number_cell(m.new_tokens_per_s),
                          m.reason.empty() ? m.case_key : m.case_key + "  (" + m.reason + ")"});
  }
  return table;
}

}  // namespace moeperf
