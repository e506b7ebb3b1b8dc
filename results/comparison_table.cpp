#include "results/comparison_table.hpp"

#include "results/text.hpp"

#include <fmt/format.h>

namespace moeperf {
namespace {

/// Times in microseconds, as the column says; others with their unit.
Cell value_cell(double value, const std::string& unit) {
  if (unit == "s") return number_cell(1e6 * value);
  return {value, short_number(value) + " " + unit};
}

}  // namespace

std::string name(Verdict verdict) {
  switch (verdict) {
    case Verdict::faster:
      return "FASTER";
    case Verdict::slower:
      return "SLOWER";
    case Verdict::same:
      return "SAME";
    case Verdict::cannot_tell:
      return "CANNOT TELL";
  }
  return "?";
}

TitledTable comparison_table(const Comparison& comparison) {
  TitledTable table{
      "Medians, new over base",
      fmt::format(
          "below 1 is faster; of launches' medians, on the same hosts without what the baselines beside them\n"
          "explain, if these have equal work. SAME: the interval lies within {:.0f} % of 1; FASTER, SLOWER: an\n"
          "exact test finds it at 5 %, all measured parts together. ~ marks baselines, . meters; neither is\n"
          "counted.",
          100 * same_within),
      {{"verdict", "", false},
       {"ratio", "new/base"},
       {"95 % CI", ""},
       {"base", "us"},
       {"new", "us"},
       {"launches", ""},
       {"part", "", false},
       {"case", "", false}},
      {}};
  for (const ComparedPart& p : comparison.parts) {
    table.rows.push_back({p.is_meter ? "-" : name(p.verdict),
                          {p.ratio, fmt::format("{:.3f}", p.ratio)},
                          p.has_interval ? fmt::format("{:.3f}-{:.3f}", p.ratio_low, p.ratio_high) : "-",
                          value_cell(p.base_median, p.unit),
                          value_cell(p.new_median, p.unit),
                          p.is_meter ? "-" : fmt::format("{}|{}", p.base_launches, p.new_launches),
                          p.is_meter ? marked_meter(p.part) : marked(p.part, p.role),
                          p.reason.empty() ? p.case_key : p.case_key + "  (" + p.reason + ")"});
  }
  return table;
}

}  // namespace moeperf
