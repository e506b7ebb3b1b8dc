#include "results/show.hpp"

#include "kernels/base/counted.hpp"
#include "results/derived.hpp"
#include "results/show_nodes.hpp"
#include "results/statistics.hpp"
#include "results/text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace moeperf {
namespace {

/// Rows are printed as cases end, so their widths cannot depend on later ones: these fit the common names;
/// a longer one moves the rest of its row.
std::string row(const char* first, const std::string& benchmark, const std::string& scheme, const std::string& part,
                const std::vector<std::string>& numbers, const std::string& remark) {
  std::string line = fmt::format("{}{:<8} {:<9} {:<15}", first, benchmark, scheme, part);
  constexpr int widths[] = {5, 9, 6, 6, 7, 8, 6, 8, 6};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    // The unit of the rate follows its number.
    line += i == 5 ? fmt::format(" {:<{}}", numbers[i], widths[i]) : fmt::format(" {:>{}}", numbers[i], widths[i]);
  }
  if (!remark.empty()) line += "  " + remark;
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string tokens_text(const CaseResult& result) {
  if (result.tokens_per_rank == "1") return "1 token per rank";
  // One for each rank is too many to read.
  if (result.tokens_per_rank.size() > 80) return fmt::format("{} tokens over all ranks", result.tokens_global);
  return result.tokens_per_rank + " tokens per rank";
}

/// What a row does not say: a line of its own wherever it changes.
std::string heading(const CaseResult& result) {
  std::vector<std::string> parts{fmt::format("{} {}", result.workload, result.phase_kind), tokens_text(result),
                                 result.dtype};
  if (result.kernel != "-") parts.push_back("kernel " + result.kernel);
  if (result.dispatcher != "-") parts.push_back("dispatcher " + result.dispatcher);
  if (result.wire != "-" && result.wire != result.dtype) parts.push_back(result.wire + " on the wire");
  if (result.chunks != "1") parts.push_back("in " + result.chunks + " chunks");
  if (!result.traffic.empty()) parts.push_back(result.traffic + " traffic");
  if (result.expert_weights != "full") parts.push_back(result.expert_weights + " expert weights");
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

std::string wrong_text(const Verification& verification) {
  if (!verification.performed) return "-";
  return std::to_string(verification.passed ? verification.wrong : std::max<std::int64_t>(1, verification.wrong));
}

std::string remark(const CaseResult& result, const Measurement& m, const Summary& summary) {
  std::string text;
  auto add = [&](const std::string& more) { text += (text.empty() ? "" : ", ") + more; };
  if (m.role == Role::measured && !result.verification.performed) add("not verified");
  if (m.role == Role::measured && result.verification.performed && !result.verification.passed) add("WRONG");
  if (!summary.ci95_reached) add("too few samples for a CI");
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

std::string percent(double part, double whole) {
  return whole > 0 ? fmt::format("{:.1f}", 100 * part / whole) : std::string("-");
}

std::vector<std::string> numbers_of(const CaseResult& result, const Measurement& m, const Summary& s) {
  const Rate rate = rate_of(result, m, s.median_s);
  const auto baseline = baseline_s(result, m);
  const double wire = m.work.wire_bytes_intra + m.work.wire_bytes_inter;
  const double half_width = (s.ci95_high_s - s.ci95_low_s) / 2;
  return {std::to_string(s.num_samples),
          short_number(1e6 * s.median_s),
          s.ci95_reached ? percent(half_width, s.median_s) : "-",
          percent(s.median_s - s.rank_mean_median_s, s.median_s),
          rate.unit.empty() ? "-" : short_number(rate.value),
          rate.unit,
          wire > 0 && s.median_s > 0 ? short_number(wire / s.median_s / 1e9) : "-",
          baseline ? percent(*baseline, s.median_s) : "-",
          m.role != Role::measured ? "-" : wrong_text(result.verification)};
}

/// Of a meter: where the unit is not that of times, the value stands where rates do, with its unit.
std::vector<std::string> numbers_of(const MeterSeries& meter, const Summary& s) {
  const bool is_time = meter.unit == "s";
  const double half_width = (s.ci95_high_s - s.ci95_low_s) / 2;
  const bool has_wait = meter.across_ranks == AcrossRanks::max;
  return {std::to_string(s.num_samples),
          is_time ? short_number(1e6 * s.median_s) : "-",
          s.ci95_reached ? percent(half_width, s.median_s) : "-",
          has_wait ? percent(s.median_s - s.rank_mean_median_s, s.median_s) : "-",
          is_time ? "-" : short_number(s.median_s),
          is_time ? "" : meter.unit,
          "-",
          "-",
          "-"};
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
  out << "#\n"
         "# One row per timed part of a case (~: baseline) and per meter (.). A part's time is that of the slowest\n"
         "# rank: median over the n samples, and half the width of its 95 % confidence interval. wait: part of it\n"
         "# that the mean rank does not need. rate: useful work over time; wire: bytes really sent, over time.\n"
         "# baseline: time of the baselines together over the time of the row; above 100 where the row moves fewer\n"
         "# bytes than they do. #wrong: values or rows out of tolerance, over all ranks.\n"
         "#\n";
  out << row("#", "bench", "scheme", "part", {"n", "median", "+-CI", "wait", "rate", "", "wire", "baseline", "#wrong"},
             "");
  out << row("#", "", "", "", {"", "us", "%", "%", "", "", "GB/s", "%", ""}, "");
}

void show_case(std::ostream& out, const CaseResult& result, const CaseResult* previous) {
  if (previous == nullptr || heading(*previous) != heading(result)) out << heading(result);
  if (!result.skipped.empty()) {
    out << fmt::format("# skipped: {}{}: {}\n", result.benchmark, result.scheme == "-" ? "" : " " + result.scheme,
                       one_line(result.skipped));
    return;
  }
  for (const Measurement& m : result.measurements) {
    const Summary summary = summarize(m.samples);
    const std::string part = marked(m.part, m.role);
    out << row(" ", result.benchmark, result.scheme, part, numbers_of(result, m, summary), remark(result, m, summary))
        << invalid_text(m, summary);
  }
  for (const MeterSeries& meter : result.meters) {
    const Summary summary = summarize(meter);
    out << row(" ", result.benchmark, result.scheme, marked_meter(meter.meter), numbers_of(meter, summary),
               summary.ci95_reached ? "" : "too few samples for a CI");
  }
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
    show_case(out, result, previous);
    previous = &result;
  }
  show_end(out, report);
}

}  // namespace moeperf
