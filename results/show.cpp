#include "results/show.hpp"

#include "kernels/base/counted.hpp"
#include "results/case_key.hpp"
#include "results/case_table.hpp"
#include "results/show_nodes.hpp"
#include "results/statistics.hpp"
#include "results/table_text.hpp"
#include "results/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

namespace moeperf {
namespace {

/// Widths of the columns of case_table, their units' row included. Rows are printed as cases end, so that their widths
/// cannot depend on later ones: these fit the common names; a longer one moves the rest of its row.
constexpr std::array widths{8, 9, 15, 5, 9, 6, 6, 7, 8, 6, 8, 6, 0};

template <class TextOf>
std::string row(const char* first, const TitledTable& table, const TextOf& text_of) {
  std::string line = first;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const char* gap = i == 0 ? "" : i + 1 == table.columns.size() ? "  " : " ";
    line += gap + fmt::format(fmt::runtime(table.columns[i].is_right ? "{:>{}}" : "{:<{}}"), text_of(i), widths.at(i));
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

/// What a row does not say: a line of its own wherever it changes.
std::string heading(const ReportAxes& axes, const CaseResult& result) {
  std::vector<std::string> parts = heading_parts(axes, result);
  for (std::string& part : parts) part = one_line(part);
  return wrapped("# ", parts, ", ");
}

std::string fact(const ReportHeader& header, const std::string& name) {
  const auto found = header.environment.facts.find(name);
  return found == header.environment.facts.end() ? "unknown" : found->second;
}

std::vector<std::string> pairs(const std::map<std::string, std::string>& map) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : map) texts.push_back(fmt::format("{}={}", name, one_line(value)));
  return texts;
}

/// The resolved TOML text, a table to a line: "[model] hidden = 7168, experts = 256, …".
std::string config_text(const std::string& config) {
  std::string text;
  std::vector<std::string> keys;
  std::string prefix = "#   ";
  auto end_table = [&] {
    if (!keys.empty()) text += wrapped(prefix, keys, ", ");
    keys.clear();
  };
  std::istringstream lines(config);
  for (std::string line; std::getline(lines, line);) {
    line = one_line(line);
    line.erase(0, std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) continue;
    if (line.front() == '[') {
      end_table();
      prefix = "#   " + line + " ";
    } else {
      keys.push_back(line);
    }
  }
  end_table();
  return text;
}

/// "# invalid: gate: 2 of 12 samples left out: late start"; empty where all count.
std::string invalid_text(const Measurement& m, const Summary& summary) {
  if (summary.num_invalid == 0) return {};
  std::set<std::string> reasons;
  for (const InvalidSample& one : m.samples.invalid) reasons.insert(one_line(one.reason));
  return hanging("# invalid: ", "#   ",
                 fmt::format("{}: {} of {} left out: {}", m.part, summary.num_invalid,
                             counted(m.samples.num_samples(), "sample"), fmt::join(reasons, "; ")));
}

}  // namespace

void show_preamble(std::ostream& out, const ReportHeader& header) {
  out << fmt::format("# moeperf {}, run {}, started {}\n", header.moeperf_version, header.run_id, header.start_time);
  out << fmt::format("# command line: {}\n", one_line(header.command_line));
  const std::string threads = fact(header, "threads_per_rank");
  out << fmt::format("# {} on {}, {} thread{} per rank, seed {}\n", counted(header.num_ranks, "rank"),
                     counted(header.num_nodes, "node"), threads, threads == "1" ? "" : "s", header.seed);
  out << nodes_text(header.environment.nodes);
  out << "# facts:\n" << wrapped("#   ", pairs(header.environment.facts), ", ");
  if (!header.environment.variables.empty()) {
    out << "# variables:\n" << wrapped("#   ", pairs(header.environment.variables), ", ");
  }
  out << "# configuration:\n" << config_text(header.config);
  const TitledTable table = case_table({});
  out << "#\n" << comments(table.explanation) << "#\n";
  out << row("#", table, [&](std::size_t i) { return table.columns[i].name; });
  out << row("#", table, [&](std::size_t i) { return table.columns[i].unit; });
}

void show_case(std::ostream& out, const ReportAxes& axes, const CaseResult& result, const CaseResult* previous) {
  if (previous == nullptr || heading(axes, *previous) != heading(axes, result)) out << heading(axes, result);
  if (!result.skip_reason.empty()) {
    out << fmt::format("# skipped: {}{}: {}\n", result.on("benchmark"),
                       result.on("scheme") == "-" ? "" : " " + result.on("scheme"), one_line(result.skip_reason));
    return;
  }
  const TitledTable table = case_table(result);
  for (const auto& cells : table.rows) out << row(" ", table, [&](std::size_t i) { return cells[i].text; });
  for (const Measurement& m : result.measurements) out << invalid_text(m, summarize(m.samples));
  const Verification& verification = result.verification;
  if (verification.performed && !verification.passed) {
    out << fmt::format("# WRONG: {}: {} of {}, largest error {} (tolerance {})\n#   {}\n", result.id,
                       verification.wrong, verification.checked, short_number(verification.max_error),
                       short_number(verification.tolerance),
                       one_line(verification.failed.empty() ? verification.scope
                                                            : fmt::format("{}", fmt::join(verification.failed, "; "))));
  }
}

void show_report(std::ostream& out, const Report& report) {
  show_preamble(out, report.header());
  const CaseResult* previous = nullptr;
  for (const CaseResult& result : report.cases) {
    show_case(out, report.header().axes, result, previous);
    previous = &result;
  }
  show_end(out, report);
}

}  // namespace moeperf
