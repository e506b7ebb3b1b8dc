#include "results/findings.hpp"
#include "results/show.hpp"
#include "results/summary_tables.hpp"
#include "results/table_text.hpp"
#include "results/text.hpp"
#include "results/verdict.hpp"

#include <fmt/format.h>

namespace moeperf {
namespace {

std::string findings_text(const Report& report) {
  std::string text;
  for (const std::string& finding : findings(report)) text += hanging("# finding: ", "#   ", one_line(finding));
  return text.empty() ? text : "#\n" + text;
}

/// "# 24 of 52 cases, 3 launches: 0 skipped, 0 not verified, 0 wrong; from … to …" and the number of wrong values.
std::string count_text(const Report& report) {
  std::int64_t wrong = 0, failed = 0, skipped = 0, unverified = 0;
  for (const CaseResult& result : report.cases) {
    if (!result.skip_reason.empty()) {
      ++skipped;
    } else if (!result.verification.performed) {
      ++unverified;
    } else {
      wrong += result.verification.wrong;
      failed += result.verification.passed ? 0 : 1;
    }
  }
  const std::size_t launches = report.launches.size();
  return fmt::format("#\n# {}{}: {} skipped, {} not verified, {} wrong; from {} to {}\n# #wrong: {}\n",
                     cases_text(report), launches > 1 ? fmt::format(", {} launches", launches) : "", skipped,
                     unverified, failed, report.header().start_time,
                     report.launches.back().end_time.empty() ? "(no end)" : report.launches.back().end_time, wrong);
}

}  // namespace

void show_end(std::ostream& out, const Report& report) {
  for (const TitledTable& table : summary_tables(report)) out << table_text(table);
  out << findings_text(report) << count_text(report);
  // Of a run that did not end there is no status but what its report so far allows to say.
  const bool has_status = report.status == "VALID" || report.status.starts_with("INVALID");
  out << fmt::format("# status: {}\n", one_line(has_status ? report.status : verdict(report)));
}

}  // namespace moeperf
