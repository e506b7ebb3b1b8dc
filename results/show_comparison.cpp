#include "results/compare.hpp"

#include "kernels/base/counted.hpp"
#include "results/comparison_table.hpp"
#include "results/merit_comparison.hpp"
#include "results/table_text.hpp"
#include "results/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace moeperf {
namespace {

void list(std::ostream& out, const char* title, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) out << fmt::format("# {}: {}\n", title, one_line(line));
}

}  // namespace

void show_comparison(std::ostream& out, const Comparison& comparison) {
  out << "# Differences of the environments (base | new):"
      << (comparison.environment_differences.empty() ? " none" : "") << '\n';
  for (const std::string& difference : comparison.environment_differences)
    out << "#   " << one_line(difference) << '\n';
  out << fmt::format("# conclusion: {}\n", one_line(conclusion(comparison)));
  list(out, "warning", comparison.warnings);

  if (!comparison.merits.empty()) out << table_text(merit_table(comparison), "  ");
  out << table_text(comparison_table(comparison), "  ");
  list(out, "only in base", comparison.only_in_base);
  list(out, "only in new", comparison.only_in_new);
  std::vector<std::string> counts;
  for (const Verdict verdict : {Verdict::faster, Verdict::slower, Verdict::same, Verdict::cannot_tell}) {
    counts.push_back(fmt::format("{} {}", num_compared(comparison, verdict), name(verdict)));
  }
  out << fmt::format("# {} compared: {}\n", counted(num_compared(comparison), "part"), fmt::join(counts, ", "));
}

}  // namespace moeperf
