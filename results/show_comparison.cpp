#include "results/compare.hpp"

#include "kernels/base/counted.hpp"
#include "results/text.hpp"

#include <fmt/format.h>

#include <map>

namespace moeperf {
namespace {

const char* name(Verdict verdict) {
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

void list(std::ostream& out, const char* title, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) out << fmt::format("# {}: {}\n", title, one_line(line));
}

/// Times in microseconds, as the table's heading says; others with their unit.
std::string value_text(double value, const std::string& unit) {
  return unit == "s" ? short_number(1e6 * value, 4) : short_number(value, 4) + " " + unit;
}

}  // namespace

void show_comparison(std::ostream& out, const Comparison& comparison) {
  out << "# Differences of the environments (base | new):"
      << (comparison.environment_differences.empty() ? " none" : "") << '\n';
  for (const std::string& difference : comparison.environment_differences)
    out << "#   " << one_line(difference) << '\n';
  list(out, "warning", comparison.warnings);

  TextTable table{{"verdict", "ratio", "95 % CI", "base", "new", "part", "case"},
                  {"", "new/base", "", "us", "us", "", ""},
                  {false, true, true, true, true, false, false},
                  {}};
  std::map<Verdict, int> counts;
  for (const ComparedPart& p : comparison.parts) {
    if (p.role == Role::measured && !p.is_meter) ++counts[p.verdict];
    table.rows.push_back({p.is_meter ? "-" : name(p.verdict), fmt::format("{:.3f}", p.ratio),
                          p.note.empty() ? fmt::format("{:.3f}-{:.3f}", p.ratio_low, p.ratio_high) : "-",
                          value_text(p.base_median, p.unit), value_text(p.new_median, p.unit),
                          p.is_meter ? marked_meter(p.part) : marked(p.part, p.role),
                          p.note.empty() ? p.case_key : p.case_key + "  (" + p.note + ")"});
  }
  out << fmt::format(
             "#\n# Medians, new over base: below 1 is faster. SAME: the interval lies within {:.0f} % of 1; FASTER, "
             "SLOWER: it\n# leaves out 1. ~ marks baselines, . meters; neither is counted.\n#\n",
             100 * same_within)
      << table.text("# ", "  ");
  list(out, "only in base", comparison.only_in_base);
  list(out, "only in new", comparison.only_in_new);
  out << fmt::format("# {} compared: {} FASTER, {} SLOWER, {} SAME, {} CANNOT TELL\n",
                     counted(num_compared(comparison), "part"), counts[Verdict::faster], counts[Verdict::slower],
                     counts[Verdict::same], counts[Verdict::cannot_tell]);
}

}  // namespace moeperf
